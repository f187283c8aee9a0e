/* replay: feeds every file of the directories given as arguments to a fuzz target, in the order of
 * their names, and prints how many. A failure is the target's abort. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The buffer is as long as the file, so that a sanitizer sees a read behind it. */
static int feed(const char *path, size_t bytes) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return -1;
    }
    uint8_t *data = malloc(bytes > 0 ? bytes : 1);
    size_t got = data != NULL ? fread(data, 1, bytes, file) : 0;
    (void)fclose(file);
    if (got != bytes || data == NULL) {
        fprintf(stderr, "replay: %s: read %zu of %zu bytes\n", path, got, bytes);
        free(data);
        return -1;
    }
    (void)LLVMFuzzerTestOneInput(data, bytes);
    free(data);
    return 0;
}

/* Returns how many files were fed, or -1. */
static int feed_directory(const char *directory) {
    struct dirent **entry;
    int entries = scandir(directory, &entry, NULL, alphasort), fed = 0;
    if (entries < 0) {
        fprintf(stderr, "replay: %s: %s\n", directory, strerror(errno));
        return -1;
    }
    for (int i = 0; i < entries; i++) {
        char path[4096];
        struct stat status;
        int length = snprintf(path, sizeof path, "%s/%s", directory, entry[i]->d_name);
        free(entry[i]);
        if (fed < 0) continue;
        if (length < 0 || (size_t)length >= sizeof path || stat(path, &status) < 0) {
            fprintf(stderr, "replay: %s: cannot be looked at\n", path);
            fed = -1;
        } else if (S_ISREG(status.st_mode)) {
            fed = feed(path, (size_t)status.st_size) < 0 ? -1 : fed + 1;
        }
    }
    free(entry);
    return fed;
}

int main(int count, char **directory) {
    int files = 0;
    for (int i = 1; i < count; i++) {
        int fed = feed_directory(directory[i]);
        if (fed < 0) return 1;
        files += fed;
    }
    printf("%s: %d files\n", directory[0], files);
    if (files > 0) return 0;
    fprintf(stderr, "replay: nothing to feed; give directories with files\n");
    return 1;
}
