// window_proof: what is proven of rtl/bus/window.v, seen from inside it. One byte of one slot is followed, any byte of any
// slot: when the slot is taken the byte has arrived since the slot was taken last, and it is what was written first.
//
// Credits: the host knows some earlier count of slots taken, and the number of the command it writes. If it writes only
// commands less than a window beyond what it knows, no byte it writes meets one that waits. The number is counted here by
// the byte: the writes of it that were stored. Since no write is dropped before the first that meets one that waits,
// this is the host's own count, and there is no first.

    (* anyconst *) reg [SLOTS_LOG2-1:0] watched_slot;
    (* anyconst *) reg [BYTES_LOG2-1:0] watched_byte;
    reg       arrived = 1'b0;                       // the byte was written and its slot has not been taken since
    reg [7:0] written;
    reg       past_rst = 1'b1;                      // at power-up there is no past
    reg [SLOTS_LOG2-1:0] next = {SLOTS_LOG2{1'b0}}; // slot that is to be taken, by counting
    reg [63:0] left = 64'd0;                        // commands that have left
    reg [63:0] known = 64'd0;                       // slots taken, as the host knows: any count there was
    (* anyseq *) reg told;                          // the host is told the count of now
    reg [63-SLOTS_LOG2:0] stored = {(64-SLOTS_LOG2){1'b0}};     // times the byte was written

    wire       dropped = write && overrun;
    wire       hit     = write && !dropped && slot == watched_slot && s_axi_wstrb[watched_byte];
    wire       taken   = take && head_q[SLOTS_LOG2-1:0] == watched_slot;
    wire [7:0] byte_now   = bytes_q[watched_slot] >> {watched_byte, 3'd0};
    wire       valid_now  = (valid_q[watched_slot] >> watched_byte) & 1'b1;
    wire       pass_now   = pass ^ (watched_slot < head_q[SLOTS_LOG2-1:0]);
    wire [7:0] out_byte   = m_command_tdata >> {watched_byte, 3'd0};
    wire [63:0] number  = {stored, watched_slot};   // of the command that the byte's next write belongs to
    wire        granted = number < known + SLOTS;
    wire        waits   = waiting >> watched_byte;
    wire        meets   = write && slot == watched_slot && s_axi_wstrb[watched_byte] && waits;
    wire [63:0] due     = slots_taken_o + {{(64-SLOTS_LOG2){1'b0}}, watched_slot - head_q[SLOTS_LOG2-1:0]};   // the slot's next

    // 2^62 commands are beyond any day.
    always @* assume (slots_taken_o[63:62] == 2'd0);

    always @(posedge clk) begin
        past_rst <= rst || clear_i;
        if (taken) arrived <= 1'b0;
        if (hit) begin
            arrived <= 1'b1;
            written <= s_axi_wdata >> {watched_byte, 3'd0};
        end
        if (take) next <= next + 1'b1;
        if (m_command_tvalid && m_command_tready) left <= left + 64'd1;
        if (told) known  <= slots_taken_o;
        if (hit)  stored <= stored + 1'b1;

        if (rst || clear_i) begin
            arrived <= 1'b0;
            next    <= {SLOTS_LOG2{1'b0}};
            left    <= 64'd0;
            known   <= 64'd0;
            stored  <= {(64-SLOTS_LOG2){1'b0}};
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
    `CHECK(credits_keep_off,      !(meets && granted))
    `CHECK(credits_are_free,      number >= known + SLOTS || number < slots_taken_o + SLOTS)
    // What the induction stands on.
    `CHECK(count_names_the_slot,  slots_taken_o[SLOTS_LOG2-1:0] == head_q[SLOTS_LOG2-1:0])
    `CHECK(stored_as_arrived,     number == due + (arrived ? SLOTS : 64'd0))
    `CHECK(known_is_past,         known <= slots_taken_o)
    `CHECK(sweep_in_bounds,       !swept || sweep_q[SLOTS_LOG2-1:0] == {SLOTS_LOG2{1'b0}})
    `CHECK(nothing_before_sweep,  swept || (!arrived && head_q == {(SLOTS_LOG2+1){1'b0}} && !m_command_tvalid))
    `CHECK(swept_so_far,          swept || !(watched_slot < sweep_q[SLOTS_LOG2-1:0]) || !valid_now)
    `CHECK(valid_as_arrived,      !swept || (valid_now ^ pass_now) == arrived)
    `CHECK(byte_as_written,       !arrived || byte_now == written)
