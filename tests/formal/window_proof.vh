// window_proof: what is proven of rtl/bus/window.v, seen from inside it. One byte of one slot is followed, any byte of any
// slot: when the slot is taken the byte has arrived since the slot was taken last, and it is what was written first.

    (* anyconst *) reg [SLOTS_LOG2-1:0] watched_slot;
    (* anyconst *) reg [BYTES_LOG2-1:0] watched_byte;
    reg       arrived = 1'b0;                       // the byte was written and its slot has not been taken since
    reg [7:0] written;
    reg       past_rst = 1'b1;                      // at power-up there is no past
    reg [SLOTS_LOG2-1:0] next = {SLOTS_LOG2{1'b0}}; // slot that is to be taken, by counting
    reg [63:0] left = 64'd0;                        // commands that have left

    wire       dropped = write && overrun;
    wire       hit     = write && !dropped && slot == watched_slot && s_axi_wstrb[watched_byte];
    wire       taken   = take && head_q[SLOTS_LOG2-1:0] == watched_slot;
    wire [7:0] byte_now   = bytes_q[watched_slot] >> {watched_byte, 3'd0};
    wire       valid_now  = (valid_q[watched_slot] >> watched_byte) & 1'b1;
    wire       pass_now   = pass ^ (watched_slot < head_q[SLOTS_LOG2-1:0]);
    wire [7:0] out_byte   = m_command_tdata >> {watched_byte, 3'd0};

    always @(posedge clk) begin
        past_rst <= rst || clear_i;
        if (taken) arrived <= 1'b0;
        if (hit) begin
            arrived <= 1'b1;
            written <= s_axi_wdata >> {watched_byte, 3'd0};
        end
        if (take) next <= next + 1'b1;
        if (m_command_tvalid && m_command_tready) left <= left + 64'd1;

        if (rst || clear_i) begin
            arrived <= 1'b0;
            next    <= {SLOTS_LOG2{1'b0}};
            left    <= 64'd0;
        end
    end

    `CHECK(taken_only_whole,      !taken || arrived)
    `CHECK(taken_in_order,        head_q[SLOTS_LOG2-1:0] == next)
    `CHECK(never_both,            !(taken && hit))
    `CHECK(nothing_written_twice, !(hit && arrived))
    `CHECK(counts_what_is_taken,  slots_taken_o == left + {63'd0, m_command_tvalid})
    `CHECK(offers_what_came,      past_rst || !$past(taken) ||
                                  (m_command_tvalid && out_byte == $past(written)))
    `CHECK(stays_until_taken,     past_rst || !$past(m_command_tvalid && !m_command_tready) ||
                                  (m_command_tvalid && m_command_tdata == $past(m_command_tdata)))
    // What the induction stands on.
    `CHECK(sweep_in_bounds,       !swept || sweep_q[SLOTS_LOG2-1:0] == {SLOTS_LOG2{1'b0}})
    `CHECK(nothing_before_sweep,  swept || (!arrived && head_q == {(SLOTS_LOG2+1){1'b0}} && !m_command_tvalid))
    `CHECK(swept_so_far,          swept || !(watched_slot < sweep_q[SLOTS_LOG2-1:0]) || !valid_now)
    `CHECK(valid_as_arrived,      !swept || (valid_now ^ pass_now) == arrived)
    `CHECK(byte_as_written,       !arrived || byte_now == written)
