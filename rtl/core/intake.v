// intake: commands wait here until the core takes them, and can be taken again until they are done with: the replay that
// a pipeline needs when a command read a row too early.
//
//   latency     none while nothing waits: a command that arrives is offered in the same clock
//   throughput  one command a clock
//   slow sink   s_command_tready falls when DEPTH commands wait or are under way
//   again       again_i offers once more all that were taken and not yet committed, oldest first; nothing is taken in that clock
//   reset       empty

`include "check.vh"
`default_nettype none

module intake #(
    parameter DEPTH   = 16,                 // a power of two; more than there are stages
    parameter ITEM_W  = 64,
    parameter DEPTH_W = $clog2(DEPTH)       // derived
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              s_command_tvalid,
    output wire              s_command_tready,
    input  wire [ITEM_W-1:0] s_command_tdata,

    output wire              m_command_tvalid,
    input  wire              m_command_tready,
    output wire [ITEM_W-1:0] m_command_tdata,

    input  wire              commit_i,      // the oldest one that was taken is done with
    input  wire              again_i,
    output wire              busy_o         // something waits or is not yet committed
);
    reg [ITEM_W-1:0]  items [0:DEPTH-1];
    reg [DEPTH_W:0]   written_q = 0, taken_q = 0, committed_q = 0;

    wire waiting = written_q != taken_q;
    wire arrive  = s_command_tvalid && s_command_tready;
    wire take    = m_command_tvalid && m_command_tready && !again_i;

    assign s_command_tready = (written_q ^ committed_q) != {1'b1, {DEPTH_W{1'b0}}};
    assign m_command_tvalid = waiting || arrive;
    assign busy_o           = written_q != committed_q;
    assign m_command_tdata  = waiting ? items[taken_q[DEPTH_W-1:0]] : s_command_tdata;

    always @(posedge clk) begin
        if (arrive) begin
            items[written_q[DEPTH_W-1:0]] <= s_command_tdata;
            written_q <= written_q + 1'b1;
        end
        if (commit_i) committed_q <= committed_q + 1'b1;
        if (again_i)   taken_q <= committed_q;
        else if (take) taken_q <= taken_q + 1'b1;

        if (rst) begin
            written_q   <= 0;
            taken_q     <= 0;
            committed_q <= 0;
        end
    end

    `CHECK(commits_what_was_taken, !commit_i || committed_q != taken_q)
    `CHECK(commits_or_repeats,     !(commit_i && again_i))
endmodule

`default_nettype wire
