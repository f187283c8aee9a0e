// event_dma_proof: what is proven of rtl/bus/event_dma.v about credits, seen from inside it. A host reads what is written,
// in order: of an event the low byte of the count, by which it moves on, of the status line the whole count. What it
// knows is then always the count that was sent last, and never more than there is. It is not silent for more than 64 clocks.
//
// Assumed: the count never falls, the host has sent a window at most beyond what it knows (window_proof.vh proves that no
// more can be taken then), the ring starts with the count at 0 as after reset, and every answer has its write.

    reg        past_rst = 1'b1;                     // at power-up there is no past
    reg [63:0] known    = 64'd0;                    // slots taken, as the host knows
    reg        is_event = 1'b0;                     // what is offered is an event, else the status line
    reg [6:0]  silent   = 7'd0;                     // clocks in which there was something to tell and nothing in its way
    wire       leaves   = m_axi_wvalid && m_axi_wready;
    wire [7:0] ahead    = m_axi_wdata[`event_credits] - known[7:0];
    wire [63:0] known_then = !m_axi_wvalid ? known : is_event ? known + {56'd0, ahead} : m_axi_wdata[`status_slots_taken];
    wire       to_tell  = ring && bus_free && !s_event_tvalid && untold;

    always @* begin
        assume (!m_axi_bvalid || flight_q > {4'd0, m_axi_awvalid || m_axi_wvalid});
        assume (!ring_start_i || (slots_taken_i == 64'd0 && !m_axi_wvalid));
        assume (slots_taken_i >= known && slots_taken_i - known <= `LIMIT_WINDOW_SLOTS);
    end
    always @(posedge clk) if (!rst && !past_rst) assume (slots_taken_i >= $past(slots_taken_i));

    // The ring: the host reads no more than is written, and a new ring begins with nothing read.
    reg  [31:0] read_before = 32'd0;
    wire [31:0] unread      = written_q - ring_consumed_i;
    always @* begin
        assume (!(rst || past_rst || ring_start_i) || ring_consumed_i == 32'd0);
        assume (ring_log2_i <= 5'd24);
        assume (rst || ring_start_i || ring_consumed_i - read_before <= written_q - read_before);
    end
    always @(posedge clk) read_before <= ring_consumed_i;

    always @(posedge clk) begin
        past_rst <= rst;
        if (start)  is_event <= take;
        if (leaves) known    <= known_then;
        silent <= to_tell && !tell ? silent + 7'd1 : 7'd0;

        if (rst) begin
            known  <= 64'd0;
            silent <= 7'd0;
        end
    end

    `CHECK(host_knows_what_was_sent, known_then == told_q)
    `CHECK(tells_no_more_than_taken, known_then <= slots_taken_i)
    `CHECK(tells_in_time,            silent <= 7'd64)
    `CHECK(ring_never_overruns,      ring_start_i || unread <= last_q + 32'd1)
    `CHECK(stays_until_taken,        past_rst || !$past(m_axi_wvalid && !m_axi_wready) ||
                                     (m_axi_wvalid && m_axi_wdata == $past(m_axi_wdata)))
    `CHECK(address_stays,            past_rst || !$past(m_axi_awvalid && !m_axi_awready) ||
                                     (m_axi_awvalid && m_axi_awaddr == $past(m_axi_awaddr)))
    // What the induction stands on.
    `CHECK(ring_is_a_ring,           last_q < 32'h01000000)
    `CHECK(unread_before_fits,       written_q - read_before <= last_q + 32'd1)
    `CHECK(silence_is_quiet,         {4'd0, silent} <= quiet_q && quiet_q <= COUNT_WAIT)
    `CHECK(known_is_past,            known <= told_q && told_q - known <= `LIMIT_WINDOW_SLOTS)
    `CHECK(flight_is_bounded,        flight_q <= FLIGHT_MAX && flight_q >= {4'd0, m_axi_awvalid || m_axi_wvalid})
