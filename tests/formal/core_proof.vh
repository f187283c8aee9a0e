// core_proof: what is proven of rtl/core/core.v: the verdict of an order command leaves 7 clocks behind the one in which it is
// taken, whatever the command says and whatever the tables hold; nothing is said before it.
//
// It begins with an idle core whose tables hold anything, products are anything, and no row is wrong: so a run of nine
// clocks shows all there is to one command. `report` holds the event one clock: it is at the port in the eighth.

    reg       begun;                        // the command is taken
    reg [3:0] clocks;                       // since it was
    wire      given_order = given_opcode == `OPCODE_NEW || given_opcode == `OPCODE_CANCEL || given_opcode == `OPCODE_REPLACE;
    wire [7:0] given_opcode = s_command_tdata[`command_opcode];
    wire      verdict_kind = m_event_tdata[`event_kind] == `KIND_ACCEPTED || m_event_tdata[`event_kind] == `KIND_REJECTED
                          || m_event_tdata[`event_kind] == `KIND_REPLACED || m_event_tdata[`event_kind] == `KIND_CANCELED;

    always @* begin
        assume (!rst && m_event_tready && !sweeping_q && fault == 32'd0 && stopped_o == 5'd0);
        assume (s_command_tvalid == !begun);
        assume (given_order);
        if ($initstate) assume (!begun && clocks == 4'd0 && book_q == EMPTY && clerk_q == IDLE && !f1_valid_q && !f2_valid_q && !f3_valid_q && !e_valid_q
                                && !alone_q && !offered_before && !said && !e_checked_q);
    end
    wire offered_before = intake_busy;

    always @(posedge clk) begin
        begun <= begun || (s_command_tvalid && s_command_tready);
        if (begun && clocks != 4'd15) clocks <= clocks + 4'd1;
    end

    always @* begin
        takes_at_once:      assert (!s_command_tvalid || s_command_tready);
        nothing_before:     assert (!(m_event_tvalid && begun && clocks < 4'd7));
        verdict_in_time:    assert (!(begun && clocks == 4'd7) || (m_event_tvalid && verdict_kind));
    end
