/* port_card: what operators ask of the card, a few registers a turn of the gateway's loop.
 *
 * A read across a bus takes about a microsecond, and a load of firmware is 4,096 writes: whoever
 * trades must not wait for either. A look copies what the card says of itself; an action changes
 * the management core, which trading does not see. Both are pure but for the card: no clock, no
 * memory taken, nothing printed. One look and one action may be under way side by side; with the
 * counters of `"ask": "counters"` a turn never has more than 8 accesses. */
#ifndef HOST_GATEWAY_PORT_CARD_H
#define HOST_GATEWAY_PORT_CARD_H

#include "driver/abi/mgmt.h"
#include "driver/card.h"

enum {
    PORT_TURN_READS = 2,  /* of a look, and of an action */
    PORT_TURN_WRITES = 4, /* of an action that loads: they are posted */
    PORT_COUNTER_COUNT = COUNTER_CLOCKS_MORE + 1,
};

/* An action looks at the card this often and gives it up after that long. A simulated card takes
   15 s for the 5 million clocks in which the core looks at an image, a real one 20 ms. */
#define PORT_ACTION_LOOK_NS UINT64_C(10000)
#define PORT_ACTION_WAIT_NS UINT64_C(60000000000)

/* ---- Looks ---- */

/* What the card said of itself. Words are as they were read, one after the other while everything
   went on; counters are of one instant. Of registers, counters and page only those are filled that
   port_look_begin's what names; the page only when it is whole. */
struct port_picture {
    bool gone; /* every read gives all ones; nothing else means anything */
    bool page; /* the firmware has filled the page */
    uint32_t registers[REG_COUNTERS / 4];
    uint32_t words[PAGE_LOG / 4]; /* of the page before its log */
    uint64_t counters[PORT_COUNTER_COUNT];
    uint32_t log_written; /* PAGE_LOG_WRITTEN when the last byte had been read */
    uint32_t log_before;  /* and before the first */
    uint8_t log[PAGE_LOG_BYTES];
};

enum port_look_what {
    PORT_LOOK_CARD = 1, /* registers, counters of errors, page */
    PORT_LOOK_LOG,      /* the log of the page */
};

struct port_look {
    enum port_look_what what; /* 0: none is under way */
    uint32_t step;
    struct port_picture picture;
};

/* port_look_begin begins a look; the one before must have ended. port_look_step goes on with it, at
   most PORT_TURN_READS reads; true when the picture is whole. */
void port_look_begin(struct port_look *look, enum port_look_what what, struct card *card);
bool port_look_step(struct port_look *look, struct card *card);

/* ---- Actions ---- */

enum port_action_kind {
    PORT_RESTART = 1, /* the management core begins anew */
    PORT_SELFTEST,
    PORT_UPDATE, /* an image into slot B, and the core begins anew */
};

enum port_action_end {
    PORT_UNDER_WAY = 1,
    PORT_DONE,
    PORT_FAILED, /* a self-test's bit, or an image that the card does not take: result says which */
    PORT_GONE,   /* every read gives all ones */
    PORT_STANDING, /* the core stands still, a memory of it has an error */
    PORT_SILENT,   /* no end within PORT_ACTION_WAIT_NS */
    PORT_ANEW,     /* the core began anew before it answered */
    PORT_SHUT,     /* the load window was not open at the end of the load */
};

struct port_action {
    enum port_action_kind kind; /* 0: there was none since the gateway began */
    enum port_action_end end;
    uint32_t result;           /* SELFTEST_ bits, or BOOT_ */
    uint32_t version;          /* PAGE_VERSION of the firmware that runs now */
    uint32_t mgmt;             /* REG_MGMT as it was read last */
    uint32_t bytes, bytes_max; /* of slot B: written, and all */
    uint32_t image_bytes;      /* of these; the rest is zero */

    /* Its own. */
    uint32_t phase, boots;
    uint64_t begun_ns, look_ns;
    const uint8_t *image;
};

/* Why an action cannot begin. */
enum port_refusal { PORT_TAKEN, PORT_REFUSED_BUSY, PORT_REFUSED_NO_CORE, PORT_REFUSED_GONE };

/* port_action_check says whether an action may begin now: one read. */
enum port_refusal port_action_check(const struct port_action *action, struct card *card);

/* port_action_begin begins one; the one before must have ended. image, of image_bytes, a multiple
   of 4 of at most REGION_UPDATE_BYTES, is PORT_UPDATE's, NULL and 0 for the others; it stays the
   caller's and must stay until the end. */
void port_action_begin(struct port_action *action, enum port_action_kind kind, const uint8_t *image,
                       uint32_t image_bytes, uint64_t now_ns);

/* port_action_step goes on with the action that is under way, at most PORT_TURN_WRITES writes or
   PORT_TURN_READS reads and a write. */
void port_action_step(struct port_action *action, struct card *card, uint64_t now_ns);

static inline bool port_action_busy(const struct port_action *action) {
    return action->end == PORT_UNDER_WAY;
}

#endif /* HOST_GATEWAY_PORT_CARD_H */
