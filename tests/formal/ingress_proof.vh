// ingress_proof: what is proven of rtl/bus/ingress.v, seen from inside it: between the window, which counts a slot as taken,
// and the core no command is lost, doubled or changed.

    (* anyconst *) reg [$clog2(`command_bits)-1:0] watched_bit;
    reg        past_rst = 1'b1;                     // at power-up there is no past
    reg [63:0] in_count  = 64'd0;
    reg [63:0] closings  = 64'd0;                  // and alerts: what is made here
    reg [63:0] out_count = 64'd0;
    wire       in_bit    = s_command_tdata >> watched_bit;
    wire       out_bit   = m_command_tdata >> watched_bit;
    wire       in_stamp  = watched_bit >= `command_stamp_ns_low && watched_bit < `command_stamp_ns_low + 64;

    always @(posedge clk) begin
        past_rst <= rst;
        if (pass)  in_count <= in_count + 64'd1;
        if (close || alert) closings <= closings + 64'd1;
        if (m_command_tvalid && m_command_tready) out_count <= out_count + 64'd1;

        if (rst) begin
            in_count  <= 64'd0;
            closings  <= 64'd0;
            out_count <= 64'd0;
        end
    end

    `CHECK(none_lost_none_doubled, in_count + closings == out_count + {63'd0, m_command_tvalid})
    `CHECK(only_the_stamp_changes, past_rst || !$past(pass) || in_stamp || out_bit == $past(in_bit))
    `CHECK(stamps_never_fall,      past_rst || stamp_q >= $past(stamp_q))
    `CHECK(stays_until_taken,      past_rst || !$past(m_command_tvalid && !m_command_tready) ||
                                   (m_command_tvalid && out_bit == $past(out_bit)))
    `CHECK(closes_only_when_alone, past_rst || !$past(close) || !$past(busy_i || m_command_tvalid || killed_i))

    // The gate's closing: from the clock behind its asking nothing passes, until the closing is given or the gate is closed.
    reg        asked = 1'b0;
    wire       is_closing = m_command_tvalid && m_command_tuser && m_command_tdata[`command_opcode] == `OPCODE_KILL
                         && m_command_tdata[`command_origin] == `ORIGIN_CARD && m_command_tdata[`command_field] == `TABLE_ENGINE
                         && m_command_tdata[`command_mode] == `MODE_KILL;
    always @(posedge clk) begin
        asked <= (kill_i && live_i) || (asked && !(settled && killed_i) && !close);
        if (rst) asked <= 1'b0;
    end
    `CHECK(kill_dominates,         !asked || !(pass || alert))
    `CHECK(alert_is_given,         past_rst || !$past(alert) || (m_command_tvalid && m_command_tuser
                                   && m_command_tdata[`command_opcode] == `OPCODE_ALERT
                                   && m_command_tdata[`command_origin] == `ORIGIN_CARD))
    `CHECK(closing_is_given,       past_rst || !$past(asked && settled && !killed_i) || is_closing)
    // What the induction stands on.
    `CHECK(asked_is_kept,          asked == kill_q)
