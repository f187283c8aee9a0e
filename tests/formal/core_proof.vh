// core_proof: what is proven of rtl/core/core.v: the verdict of an order command is at the port 8 clocks behind the one in which
// the command is taken, whatever it says and whatever the tables hold; nothing is said before it.
//
// It begins with an idle core whose tables hold anything; what a table, a product or a comparison says is anything too, and
// no row is wrong. So a run of ten clocks shows all there is to one command.

    reg         started;                    // the core was seen idle for a clock
    reg         begun;                      // the command is taken
    reg  [9:0]  after;                      // bit n: n clocks ago
    wire [7:0]  given_opcode = s_command_tdata[`command_opcode];
    wire [7:0]  said_kind    = m_event_tdata[`event_kind];
    wire        verdict_kind = said_kind == `KIND_ACCEPTED || said_kind == `KIND_REJECTED || said_kind == `KIND_REPLACED
                            || said_kind == `KIND_CANCELED;
    wire        idle = book_empty && !clerk_busy && front_empty && !intake_busy && !offered && !said;

    always @* begin
        assume (!rst && m_event_tready && !sweeping_q && fault == 32'd0 && stopped_o == 5'd0);
        assume (s_command_tvalid == (started && !begun));
        assume (given_opcode == `OPCODE_NEW || given_opcode == `OPCODE_CANCEL || given_opcode == `OPCODE_REPLACE);
        if ($initstate) assume (!started && !begun && after == 10'd0 && idle);
    end

    always @(posedge clk) begin
        started <= 1'b1;
        begun   <= begun || (s_command_tvalid && s_command_tready);
        after   <= {after[8:0], s_command_tvalid && s_command_tready};
    end

    always @* begin
        takes_at_once:   assert (!s_command_tvalid || s_command_tready);
        nothing_before:  assert (!m_event_tvalid || after[6:0] == 7'd0);
        verdict_in_time: assert (!after[7] || (m_event_tvalid && verdict_kind));
    end
