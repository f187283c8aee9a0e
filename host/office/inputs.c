#include "host/office/inputs.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 480 };

struct kept {
    struct fold_input input;
    char text[TEXT_BYTES + 1];
};

struct inputs {
    struct journal *journal;
    struct kept **kept; /* one by one, so that their texts stay where they are */
    uint32_t count, room;
};

static bool read_integer(const json_t *object, const char *name, int64_t *value) {
    const json_t *member = json_object_get(object, name);
    if (!json_is_integer(member)) return false;
    *value = json_integer_value(member);
    return true;
}

int inputs_parse(const char *note, size_t bytes, struct fold_input *input, char *room,
                 size_t room_bytes) {
    int64_t record = -1, time_ns = -1;
    json_t *json = json_loadb(note, bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *fees = json_object_get(json, "fees"), *request = json_object_get(json, "request");
    *input = (struct fold_input){ .text = room };
    room[0] = '\0';
    bool good = read_integer(json, "record", &record) && record >= 0 &&
                read_integer(json, "time_ns", &time_ns) && time_ns >= 0 &&
                json_is_object(fees) != json_is_object(request);
    input->record = (uint64_t)record;
    input->time_ns = (uint64_t)time_ns;
    if (good && fees != NULL) {
        input->kind = FOLD_INPUT_FEES;
        good = read_integer(fees, "maker_e4", &input->maker_e4) &&
               read_integer(fees, "taker_e4", &input->taker_e4);
    } else if (good) {
        input->kind = FOLD_INPUT_REQUEST;
        size_t length = json_dumpb(request, room, room_bytes - 1, JSON_COMPACT | JSON_ENSURE_ASCII);
        good = length > 0 && length < room_bytes;
        room[good ? length : 0] = '\0';
    }
    json_decref(json);
    return good ? 0 : err_set(-EBADMSG, "it is no input of an office");
}

static struct kept *grow(struct inputs *inputs) {
    if (inputs->count == inputs->room) {
        uint32_t room = inputs->room == 0 ? 16 : 2 * inputs->room;
        struct kept **kept = realloc(inputs->kept, room * sizeof(*kept));
        if (kept == NULL) return NULL;
        inputs->kept = kept;
        inputs->room = room;
    }
    return calloc(1, sizeof(struct kept));
}

static int keep(struct inputs *inputs, uint64_t sequence, const char *note, size_t bytes) {
    struct kept *kept = grow(inputs);
    if (kept == NULL) return err_set(-ENOMEM, "no memory for the inputs");
    int code = inputs_parse(note, bytes, &kept->input, kept->text, sizeof kept->text);
    if (code == 0 && inputs->count > 0 &&
        kept->input.record < inputs->kept[inputs->count - 1]->input.record)
        code = err_set(-EBADMSG, "it belongs before the one before it");
    if (code != 0) {
        free(kept);
        return err_wrap(code, "input %" PRIu64 ": ", sequence);
    }
    kept->input.sequence = sequence;
    inputs->kept[inputs->count++] = kept;
    return 0;
}

static int read_all(struct inputs *inputs, const char *directory) {
    struct journal_reader *reader;
    struct journal_record record;
    int code = journal_reader_open(directory, &reader);
    if (code != 0) return code;
    while ((code = journal_reader_next(reader, &record)) > 0) {
        code = keep(inputs, record.sequence, (const char *)record.data, record.bytes);
        if (code != 0) break;
    }
    journal_reader_close(reader);
    return code;
}

int inputs_open(const char *directory, struct inputs **opened) {
    const struct journal_options options = { .directory = directory, .plain = true };
    struct journal_recovered recovered;
    struct inputs *inputs = calloc(1, sizeof *inputs);
    if (inputs == NULL) return err_set(-ENOMEM, "%s: no memory", directory);
    int code = journal_open(&options, &inputs->journal, &recovered);
    if (code == -EWOULDBLOCK)
        code =
            err_set(code, "%s: another office is running with it; stop that one first", directory);
    else if (code == 0)
        code = read_all(inputs, directory);
    if (code != 0) {
        inputs_close(inputs);
        return code;
    }
    *opened = inputs;
    return 0;
}

void inputs_close(struct inputs *inputs) {
    if (inputs == NULL) return;
    journal_close(inputs->journal);
    for (uint32_t i = 0; i < inputs->count; i++) free(inputs->kept[i]);
    free(inputs->kept);
    free(inputs);
}

uint32_t inputs_count(const struct inputs *inputs) { return inputs->count; }

const struct fold_input *inputs_at(const struct inputs *inputs, uint32_t index) {
    struct kept *kept = inputs->kept[index];
    kept->input.text = kept->text;
    return &kept->input;
}

static int append(struct inputs *inputs, uint64_t record, uint64_t time_ns, const char *name,
                  json_t *value) {
    json_t *json = json_pack("{sIsIso}", "record", (json_int_t)record, "time_ns",
                             (json_int_t)time_ns, name, value);
    char *note = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    int code = note != NULL ? 0 : err_set(-ENOMEM, "no memory for an input");
    size_t bytes = note != NULL ? strlen(note) : 0;
    if (code == 0) {
        int64_t sequence = journal_append(inputs->journal, JOURNAL_NOTE, 0, note, (uint32_t)bytes);
        code = sequence > 0 ? journal_wait(inputs->journal) : (int)sequence;
        if (code == 0) code = keep(inputs, (uint64_t)sequence, note, bytes);
    }
    free(note);
    json_decref(json);
    return code;
}

int inputs_fees(struct inputs *inputs, uint64_t record, uint64_t time_ns, int64_t maker_e4,
                int64_t taker_e4) {
    return append(
        inputs, record, time_ns, "fees",
        json_pack("{sIsI}", "maker_e4", (json_int_t)maker_e4, "taker_e4", (json_int_t)taker_e4));
}

int inputs_request(struct inputs *inputs, uint64_t record, uint64_t time_ns, const char *text) {
    json_t *request = json_loads(text, 0, NULL);
    if (!json_is_object(request) || strlen(text) > TEXT_BYTES) {
        json_decref(request);
        return err_set(-EINVAL, "a request is a JSON object of at most %d bytes", TEXT_BYTES);
    }
    return append(inputs, record, time_ns, "request", request);
}
