#!/bin/sh
# screenshot.sh PAGE: take pictures of a page in headless Chromium, wide and narrow, beside it, and refuse one that is
# blank: a picture of one colour is a few thousand bytes, one of plots and text more than 40,000.
set -eu
page=$1
browser=$(command -v chromium || command -v google-chrome) ||
    { echo "screenshot: there is no Chromium here; apt-get install chromium" >&2; exit 1; }
test -s "$page" || { echo "screenshot: $page is not there; make run writes it" >&2; exit 1; }
for width in 1280 500; do
    picture=${page%.html}_$width.png
    rm -f "$picture"
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=$width,2400 \
        --screenshot="$picture" "file://$(realpath "$page")" >"${page%.html}_browser.log" 2>&1
    bytes=$(stat -c %s "$picture")
    test "$bytes" -gt 40000 || { echo "screenshot: $picture has $bytes bytes: the page is blank" >&2; exit 1; }
    echo "$picture"
done
