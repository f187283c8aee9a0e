#include "host/office/page.h"
#include "host/base/err.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 60, LEVELS_SHOWN = 24, BOOKS_SHOWN = 4, PAGE_ROWS = 500 };
enum { WIDTH = 720, LEFT = 64, RIGHT = 704 }; /* of a plot, in its own units */

static const char style[] =
    ":root{color-scheme:light dark;--ground:#fbfaf8;--card:#fff;--line:#dedad3;--ink:#1d1f22;"
    "--soft:#6a6d72;--first:#1f6f8b;--second:#c2571a;--bid:#2d7d5a;--ask:#b3413c}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#15171a;--card:#1d2024;--line:#33383e;"
    "--ink:#e8e6e1;--soft:#9aa0a6;--first:#5fb3cf;--second:#e9935a;--bid:#5fbf92;--ask:#e57f79}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:28px 18px 48px;"
    "background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;"
    "font-variant-numeric:tabular-nums}\n"
    "h1{font-size:26px;margin:0}h2{font-size:16px;margin:0 0 2px}p{margin:0 0 12px;"
    "color:var(--soft)}\n"
    ".tiles,.plots{display:grid;gap:14px;margin-top:18px}\n"
    ".tiles{grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}\n"
    ".plots{grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr))}\n"
    "section,.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;"
    "padding:14px 16px;min-width:0}\n"
    ".tile b{display:block;font-size:24px;font-weight:600;line-height:1.2}\n"
    ".tile span{color:var(--soft);font-size:13px}\n"
    "svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:13px}\n"
    "svg .name{fill:var(--ink)}.grid{stroke:var(--line)}.axis{stroke:var(--soft)}\n"
    ".first{fill:var(--first)}.second{fill:var(--second)}.bid{fill:var(--bid)}"
    ".ask{fill:var(--ask)}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}"
    "td,th{padding:4px 10px;text-align:right;border-bottom:1px solid var(--line);"
    "white-space:nowrap}\n"
    "td:first-child,th:first-child{text-align:left}th{color:var(--soft);font-weight:500}\n"
    ".bad{color:var(--ask)}.good{color:var(--bid)}\n";

void page_text(FILE *out, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        case '\'':
            (void)fputs("&#39;", out);
            break;
        default:
            (void)fputc((unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at, out);
        }
    }
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* 1234567 as 1,234,567 */
static const char *grouped(int64_t value, char text[32]) {
    char digits[24];
    int count =
        snprintf(digits, sizeof digits, "%" PRIu64, value < 0 ? -(uint64_t)value : (uint64_t)value);
    char *to = text;
    if (value < 0) *to++ = '-';
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

static const char *duration(double ns, char text[32]) {
    if (ns < 1e3)
        (void)snprintf(text, 32, "%.0f ns", ns);
    else if (ns < 1e6)
        (void)snprintf(text, 32, "%.*f \xc2\xb5s", ns < 1e5 ? 1 : 0, ns / 1e3);
    else if (ns < 1e9)
        (void)snprintf(text, 32, "%.*f ms", ns < 1e8 ? 1 : 0, ns / 1e6);
    else
        (void)snprintf(text, 32, "%.1f s", ns / 1e9);
    return text;
}

static int64_t number(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_real(value) ? (int64_t)json_real_value(value) : json_integer_value(value);
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static void tile(FILE *out, const char *value, const char *name, const char *tone) {
    (void)fprintf(out, "<div class=\"tile\"><b class=\"%s\">", tone);
    page_text(out, value);
    (void)fputs("</b><span>", out);
    page_text(out, name);
    (void)fputs("</span></div>\n", out);
}

static void plot_begin(FILE *out, const char *title, const char *below, int height) {
    (void)fputs("<section><h2>", out);
    page_text(out, title);
    (void)fputs("</h2><p>", out);
    page_text(out, below);
    (void)fprintf(out, "</p><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height);
    page_text(out, title);
    (void)fputs("\">\n", out);
}

static void plot_end(FILE *out) { (void)fputs("</svg></section>\n", out); }

/* anchor is start, middle or end. */
static void label(FILE *out, double x, double y, const char *anchor, const char *kind,
                  const char *text) {
    (void)fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor,
                  kind);
    page_text(out, text);
    (void)fputs("</text>\n", out);
}

static void line(FILE *out, double x1, double y1, double x2, double y2, const char *kind) {
    (void)fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1,
                  y1, x2, y2, kind);
}

static void bar(FILE *out, double x, double y, double width, double height, const char *kind,
                const char *says) {
    (void)fprintf(out,
                  "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\" "
                  "class=\"%s\"><title>",
                  x, y, width, height, kind);
    page_text(out, says);
    (void)fputs("</title></rect>\n", out);
}

/* ---- latency --------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
} parts[] = {
    { "rtt_ns", "client, there and back" },
    { "gateway_ns", "gateway" },
    { "card_ns", "card" },
    { "flush_ns", "journal" },
};
static const struct {
    const char *name, *text;
} quantiles[] = { { "p50", "p50" }, { "p99", "p99" }, { "p999", "p99.9" }, { "max", "max" } };
enum { PARTS = sizeof parts / sizeof *parts, QUANTILES = sizeof quantiles / sizeof *quantiles };

/* From 100 ns on; each decade is as wide as any other. */
static double latency_x(double ns, int decades) {
    double at = (log10(ns < 100 ? 100 : ns) - 2) / decades;
    return 170 + at * (RIGHT - 24 - 170);
}

static void latency(FILE *out, const json_t *summary) {
    double largest = 0;
    int shown = 0;
    for (int i = 0; i < PARTS; i++) {
        const json_t *part = json_object_get(summary, parts[i].name);
        if (number(part, "count") == 0) continue;
        shown++;
        if ((double)number(part, "max") > largest) largest = (double)number(part, "max");
    }
    if (shown == 0) return;
    int decades = 1;
    while (pow(10, 2 + decades) < largest) decades++;
    int height = 34 + 58 * shown;
    plot_begin(out, "Latency",
               "Of accepted and refused orders; p50, p99, p99.9 and max, on a log axis", height);
    for (int decade = 0; decade <= decades; decade++) {
        char text[32];
        double ns = pow(10, 2 + decade), x = latency_x(ns, decades);
        line(out, x, 4, x, height - 24, "grid");
        label(out, x, height - 8, "middle", "", duration(ns, text));
    }
    double y = 26;
    for (int i = 0; i < PARTS; i++) {
        const json_t *part = json_object_get(summary, parts[i].name);
        if (number(part, "count") == 0) continue;
        double from = latency_x((double)number(part, "p50"), decades);
        double to = latency_x((double)number(part, "max"), decades);
        char middle[32], most[32], says[120];
        label(out, 160, y + 5, "end", "name", parts[i].text);
        bar(out, from, y - 3, to - from + 1, 6, "first", parts[i].text);
        for (int q = 0; q < QUANTILES; q++) {
            double ns = (double)number(part, quantiles[q].name);
            (void)snprintf(says, sizeof says, "%s: %s", quantiles[q].text, duration(ns, middle));
            bar(out, latency_x(ns, decades) - 4, y - 8, 8, 16, q == 0 ? "second" : "first", says);
        }
        (void)snprintf(says, sizeof says, "p50 %s, max %s",
                       duration((double)number(part, "p50"), middle),
                       duration((double)number(part, "max"), most));
        label(out, 160, y + 23, "end", "", says);
        y += 58;
    }
    plot_end(out);
}

/* ---- over the session ------------------------------------------------------------------------ */

struct span {
    int64_t from_ns, to_ns;
    uint64_t orders[BUCKETS], refused[BUCKETS], fills[BUCKETS];
};

/* Calls take for every row of a table. */
static int each(struct store *store, enum store_table table, size_t row_bytes,
                void (*take)(struct span *, const void *), struct span *span) {
    struct store_query query = { .limit = PAGE_ROWS };
    char *rows = malloc(PAGE_ROWS * row_bytes);
    if (rows == NULL) return err_set(-ENOMEM, "no memory for the report");
    int count;
    bool more = true;
    while (more && (count = store_list(store, table, &query, rows, &more)) > 0) {
        for (int i = 0; i < count; i++) take(span, rows + (size_t)i * row_bytes);
        /* A row begins with its key. */
        memcpy(&query.after, rows + (size_t)(count - 1) * row_bytes, sizeof query.after);
        query.have_after = true;
    }
    free(rows);
    return more && count < 0 ? count : 0;
}

static void widen(struct span *span, const void *row) {
    int64_t at = ((const struct store_order *)row)->entered_ns;
    if (span->from_ns == 0 || at < span->from_ns) span->from_ns = at;
    if (at > span->to_ns) span->to_ns = at;
}

static int bucket_of(const struct span *span, int64_t at_ns) {
    if (at_ns <= span->from_ns || span->to_ns <= span->from_ns) return 0;
    double share = (double)(at_ns - span->from_ns) / (double)(span->to_ns - span->from_ns);
    int bucket = (int)(share * BUCKETS);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static void count_order(struct span *span, const void *row) {
    const struct store_order *order = row;
    int bucket = bucket_of(span, order->entered_ns);
    span->orders[bucket]++;
    span->refused[bucket] += order->state == STORE_ORDER_REFUSED;
}

static void count_trade(struct span *span, const void *row) {
    span->fills[bucket_of(span, ((const struct store_trade *)row)->time_ns)]++;
}

static void over_time(FILE *out, const struct span *span, const char *title, const char *below,
                      const uint64_t counts[BUCKETS], const uint64_t *inside) {
    enum { HEIGHT = 220, TOP = 12, BOTTOM = 186 };
    uint64_t most = 1;
    char text[32], says[120];
    for (int i = 0; i < BUCKETS; i++)
        if (counts[i] > most) most = counts[i];
    plot_begin(out, title, below, HEIGHT);
    for (int i = 0; i <= 2; i++) {
        double y = BOTTOM - (BOTTOM - TOP) * i / 2.0;
        line(out, LEFT, y, RIGHT, y, i == 0 ? "axis" : "grid");
        label(out, LEFT - 8, y + 4, "end", "", grouped((int64_t)(most * (uint64_t)i / 2), text));
    }
    double width = (double)(RIGHT - LEFT) / BUCKETS;
    for (int i = 0; i < BUCKETS; i++) {
        double tall = (BOTTOM - TOP) * (double)counts[i] / (double)most;
        if (counts[i] == 0) continue;
        (void)snprintf(says, sizeof says, "%" PRIu64, counts[i]);
        bar(out, LEFT + width * i + 1, BOTTOM - tall, width - 2, tall, "first", says);
        if (inside == NULL || inside[i] == 0) continue;
        tall = (BOTTOM - TOP) * (double)inside[i] / (double)most;
        (void)snprintf(says, sizeof says, "%" PRIu64 " refused", inside[i]);
        bar(out, LEFT + width * i + 1, BOTTOM - tall, width - 2, tall, "second", says);
    }
    label(out, LEFT, HEIGHT - 12, "start", "", "0");
    label(out, RIGHT, HEIGHT - 12, "end", "",
          duration((double)(span->to_ns - span->from_ns), text));
    plot_end(out);
}

static int session(FILE *out, struct office *office) {
    struct span span = { .from_ns = 0 };
    struct store *store = office_store(office);
    int code = each(store, STORE_order, sizeof(struct store_order), widen, &span);
    if (code == 0) code = each(store, STORE_order, sizeof(struct store_order), count_order, &span);
    if (code == 0) code = each(store, STORE_trade, sizeof(struct store_trade), count_trade, &span);
    if (code != 0) return code;
    over_time(out, &span, "Orders over the session",
              "Entered in each sixtieth of the session, by the card's clock; those refused in the "
              "second colour",
              span.orders, span.refused);
    over_time(out, &span, "Fills over the session", "Trades in each sixtieth of the session",
              span.fills, NULL);
    return 0;
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refusals(FILE *out, const json_t *summary) {
    json_t *reasons = json_object_get(summary, "card_rejects"), *count;
    const char *reason;
    int64_t most = 0;
    json_object_foreach(reasons, reason, count) {
        if (json_integer_value(count) > most) most = json_integer_value(count);
    }
    int height = 10 + 30 * (int)json_object_size(reasons);
    if (most == 0) return;
    plot_begin(out, "Refusals by reason", "What `wirepit orders --state refused` lists one by one",
               height);
    double y = 20;
    json_object_foreach(reasons, reason, count) {
        char text[32];
        double wide = 380 * (double)json_integer_value(count) / (double)most;
        label(out, 250, y + 5, "end", "name", reason);
        bar(out, 260, y - 9, wide < 2 ? 2 : wide, 18, "second", reason);
        label(out, 268 + wide, y + 5, "start", "", grouped(json_integer_value(count), text));
        y += 30;
    }
    plot_end(out);
}

/* ---- depth ----------------------------------------------------------------------------------- */

static const char *symbol_name(const struct office *office, uint32_t symbol, char text[32]) {
    const char *name = names_of(office_names(office), NAMES_SYMBOL, symbol);
    if (name == NULL)
        (void)snprintf(text, 32, "symbol %u", symbol);
    else
        (void)snprintf(text, 32, "%.30s", name);
    return text;
}

/* One side of the book: shares at each price and better ones, outwards from the middle. */
static void depth_side(FILE *out, const struct book_level *levels, uint32_t count, bool bids,
                       uint64_t most, double low, double high) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += levels[i].shares;
        double price = levels[i].price_e4;
        double next = i + 1 < count ? levels[i + 1].price_e4 : bids ? low : high;
        double x = LEFT + (RIGHT - LEFT) * ((bids ? next : price) - low) / (high - low);
        double wide = (RIGHT - LEFT) * fabs(next - price) / (high - low);
        double tall = 150 * (double)sum / (double)most;
        char says[120];
        (void)snprintf(says, sizeof says, "%" PRIu64 " shares to %.2f", sum, price / 1e4);
        bar(out, x, 176 - tall, wide < 1.5 ? 1.5 : wide, tall, bids ? "bid" : "ask", says);
    }
}

static void depth(FILE *out, struct office *office, uint32_t symbol) {
    struct book_level bids[LEVELS_SHOWN], asks[LEVELS_SHOWN];
    const struct book *book = fold_book(office_fold(office));
    uint32_t bid_count = book_levels(book, (uint16_t)symbol, SIDE_BUY, bids, LEVELS_SHOWN);
    uint32_t ask_count = book_levels(book, (uint16_t)symbol, SIDE_SELL, asks, LEVELS_SHOWN);
    if (bid_count == 0 || ask_count == 0) return;
    uint64_t bid_sum = 0, ask_sum = 0;
    for (uint32_t i = 0; i < bid_count; i++) bid_sum += bids[i].shares;
    for (uint32_t i = 0; i < ask_count; i++) ask_sum += asks[i].shares;
    uint64_t most = bid_sum > ask_sum ? bid_sum : ask_sum;
    double low = bids[bid_count - 1].price_e4 - 100.0, high = asks[ask_count - 1].price_e4 + 100.0;
    char name[32], title[80], text[32];
    (void)snprintf(title, sizeof title, "Depth of %s at the end",
                   symbol_name(office, symbol, name));
    plot_begin(out, title, "Shares at a price and better, bids left and asks right", 214);
    for (int i = 0; i <= 2; i++) {
        double y = 176 - 75 * i;
        line(out, LEFT, y, RIGHT, y, i == 0 ? "axis" : "grid");
        label(out, LEFT - 8, y + 4, "end", "", grouped((int64_t)(most * (uint64_t)i / 2), text));
    }
    depth_side(out, bids, bid_count, true, most, low, high);
    depth_side(out, asks, ask_count, false, most, low, high);
    (void)snprintf(text, sizeof text, "%.2f", low / 1e4);
    label(out, LEFT, 200, "start", "", text);
    (void)snprintf(text, sizeof text, "%.2f", high / 1e4);
    label(out, RIGHT, 200, "end", "", text);
    (void)snprintf(title, sizeof title, "%.2f | %.2f", bids[0].price_e4 / 1e4,
                   asks[0].price_e4 / 1e4);
    double middle = (bids[0].price_e4 + (double)asks[0].price_e4) / 2;
    label(out, LEFT + (RIGHT - LEFT) * (middle - low) / (high - low), 200, "middle", "name", title);
    plot_end(out);
}

/* The symbols that traded most, where both sides rest. */
static void depths(FILE *out, struct office *office) {
    const struct book *book = fold_book(office_fold(office));
    uint32_t symbols = office_settings(office)->fold.symbols;
    uint64_t last = UINT64_MAX;
    for (int shown = 0, ties = 0; shown < BOOKS_SHOWN; shown++) {
        uint32_t best = symbols;
        int skip = ties;
        for (uint32_t i = 0; i < symbols; i++) {
            uint64_t trades = book_symbol(book, (uint16_t)i).trades;
            if (trades == 0 || trades > last || (trades == last && skip-- > 0)) continue;
            if (best == symbols || trades > book_symbol(book, (uint16_t)best).trades) best = i;
        }
        if (best == symbols) return;
        uint64_t trades = book_symbol(book, (uint16_t)best).trades;
        ties = trades == last ? ties + 1 : 1;
        last = trades;
        depth(out, office, best);
    }
}

/* ---- the office ------------------------------------------------------------------------------ */

static void money(FILE *out, int64_t value_e4) {
    char whole[32];
    uint64_t size = value_e4 < 0 ? -(uint64_t)value_e4 : (uint64_t)value_e4;
    (void)fprintf(out, "<td>%s%s.%04" PRIu64 "</td>", value_e4 < 0 ? "-" : "",
                  grouped((int64_t)(size / 10000), whole), size % 10000);
}

static void office_view(FILE *out, const json_t *view) {
    if (view == NULL) return;
    bool balanced = json_is_true(json_object_get(view, "books_balanced"));
    char text[32];
    (void)fprintf(out, "<section style=\"margin-top:14px\"><h2>The office</h2><p class=\"%s\">",
                  balanced ? "good" : "bad");
    (void)fprintf(
        out, "Books %s, projections %s the journal, ", balanced ? "balanced" : "NOT BALANCED",
        json_is_true(json_object_get(view, "projections_equal")) ? "equal to" : "NOT EQUAL TO");
    (void)fprintf(out, "%s transfers. ", grouped(number(view, "transfers"), text));
    page_text(out, text_of(view, "text"));
    (void)fputs("</p>\n<div class=\"scroll\"><table><tr><th>firm</th><th>cash</th><th>reserved</th>"
                "<th>fees</th><th>bought</th><th>sold</th><th>long</th><th>short</th></tr>\n",
                out);
    size_t index;
    json_t *firm;
    json_array_foreach(json_object_get(view, "firms"), index, firm) {
        static const char *const columns[] = { "bought", "sold", "long_shares", "short_shares" };
        if (number(firm, "bought") == 0 && number(firm, "sold") == 0) continue;
        (void)fputs("<tr><td>", out);
        page_text(out, text_of(firm, "firm"));
        (void)fputs("</td>", out);
        money(out, number(firm, "cash_e4"));
        money(out, number(firm, "reserved_e4"));
        money(out, number(firm, "fees_e4"));
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            (void)fprintf(out, "<td>%s</td>", grouped(number(firm, columns[i]), text));
        (void)fputs("</tr>\n", out);
    }
    (void)fputs("</table></div></section>\n", out);
}

static void head(FILE *out, const json_t *summary) {
    char text[32];
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"/>"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
                "<title>Wirepit session</title>\n<style>\n",
                out);
    (void)fputs(style, out);
    (void)fputs("</style></head>\n<body>\n<h1>A session of Wirepit</h1>\n<p>Flow ", out);
    page_text(out, text_of(summary, "flow"));
    (void)fputs(", card ", out);
    page_text(out, text_of(summary, "card"));
    (void)fputs(", transport ", out);
    page_text(out, text_of(summary, "transport"));
    (void)fprintf(out, ", %s clients</p>\n<div class=\"tiles\">\n",
                  grouped(number(summary, "clients"), text));
    tile(out, grouped(number(summary, "orders"), text), "orders", "");
    tile(out, grouped(number(summary, "fills"), text), "fills", "");
    tile(out, grouped(number(summary, "rejected"), text), "refused", "");
    tile(out, grouped(number(summary, "messages_per_second"), text), "messages a second", "");
    tile(out, duration((double)number(json_object_get(summary, "rtt_ns"), "p50"), text),
         "there and back, p50", "");
    int64_t differences = number(summary, "lockstep_differences");
    tile(out, grouped(differences, text), "lock-step differences",
         differences == 0 ? "good" : "bad");
    bool balanced = json_is_true(json_object_get(summary, "books_balanced"));
    tile(out, balanced ? "balanced" : "NOT balanced", "books", balanced ? "good" : "bad");
    (void)fputs("</div>\n", out);
}

int page_write(FILE *out, const json_t *summary, struct office *office) {
    head(out, summary);
    (void)fputs("<div class=\"plots\">\n", out);
    latency(out, summary);
    int code = session(out, office);
    if (code != 0) return code;
    refusals(out, summary);
    depths(out, office);
    (void)fputs("</div>\n", out);
    office_view(out, json_object_get(summary, "office"));
    (void)fputs("</body>\n</html>\n", out);
    return 0;
}

int page_save(const char *path, const char *summary_path, struct office *office) {
    json_error_t error;
    json_t *summary = json_load_file(summary_path, 0, &error);
    if (!json_is_object(summary)) {
        json_decref(summary);
        return err_set(-EBADMSG, "%s: no JSON object to report on: %s", summary_path, error.text);
    }
    FILE *out = fopen(path, "w");
    int code = out != NULL ? page_write(out, summary, office)
                           : err_set(-errno, "%s: %s", path, strerror(errno));
    if (out != NULL && (ferror(out) != 0) | (fclose(out) != 0) && code == 0)
        code = err_set(-EIO, "%s: it cannot be written: %s", path, strerror(errno));
    json_decref(summary);
    return code;
}
