/* fuzz_inputs: the reader of the office's own journal on any note. What it takes stays within its
 * room and is JSON again. */
#include "host/base/check.h"
#include "host/office/inputs.h"
#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct fold_input input;
    char room[64];
    memset(room, 'x', sizeof room);
    if (inputs_parse((const char *)bytes, count, &input, room, sizeof room) != 0) return 0;
    CHECK(memchr(room, '\0', sizeof room) != NULL);
    if (input.kind != FOLD_INPUT_REQUEST) return 0;
    json_t *json = json_loads(room, 0, NULL);
    CHECK(json_is_object(json));
    json_decref(json);
    return 0;
}
