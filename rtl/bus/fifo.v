// fifo: a stream waits in it, in order.
//
//   latency     2 clocks from s_item to m_item when empty
//   throughput  1 item a clock
//   slow sink   s_item_tready falls when 2^DEPTH_LOG2 items wait behind the one that is offered
//   reset       synchronous; empty
//   invariant   items leave in the order they came, each once; an offered item stays until it is taken

`include "check.vh"
`default_nettype none

module fifo #(
    parameter DEPTH_LOG2 = 4,
    parameter DATA_W     = 512
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              s_item_tvalid,
    output wire              s_item_tready,
    input  wire [DATA_W-1:0] s_item_tdata,

    output reg               m_item_tvalid = 1'b0,
    input  wire              m_item_tready,
    output reg  [DATA_W-1:0] m_item_tdata
);
    reg [DATA_W-1:0]   memory_q [0:(1<<DEPTH_LOG2)-1];
    // One bit more than an index, so that full and empty differ.
    reg [DEPTH_LOG2:0] write_q = {(DEPTH_LOG2+1){1'b0}};
    reg [DEPTH_LOG2:0] read_q  = {(DEPTH_LOG2+1){1'b0}};

    wire [DEPTH_LOG2:0] waiting = write_q - read_q;
    wire                empty   = write_q == read_q;
    wire                put     = s_item_tvalid && s_item_tready;
    wire                get     = !empty && (!m_item_tvalid || m_item_tready);

    assign s_item_tready = !waiting[DEPTH_LOG2];

    always @(posedge clk) begin
        if (put) begin
            memory_q[write_q[DEPTH_LOG2-1:0]] <= s_item_tdata;
            write_q <= write_q + 1'b1;
        end
        if (m_item_tready) m_item_tvalid <= 1'b0;
        if (get) begin
            m_item_tdata  <= memory_q[read_q[DEPTH_LOG2-1:0]];
            m_item_tvalid <= 1'b1;
            read_q        <= read_q + 1'b1;
        end

        if (rst) begin
            write_q       <= {(DEPTH_LOG2+1){1'b0}};
            read_q        <= {(DEPTH_LOG2+1){1'b0}};
            m_item_tvalid <= 1'b0;
        end
    end

    `CHECK(fits, !waiting[DEPTH_LOG2] || waiting[DEPTH_LOG2-1:0] == {DEPTH_LOG2{1'b0}})
`ifdef PROVE_FIFO
    `include "fifo_proof.vh"
`endif
endmodule

`default_nettype wire
