// fifo_proof: what is proven of rtl/bus/fifo.v, seen from inside it. One item of any number is followed from its coming
// to its leaving: since the number is arbitrary, every item leaves, once, unchanged and in its turn.

    // Counts of items, modulo far more than fit.
    reg  [7:0]        in_count  = 8'd0;
    reg  [7:0]        out_count = 8'd0;
    (* anyconst *) reg [7:0] watched;
    reg  [DATA_W-1:0] watched_data;
    reg               past_rst = 1'b1;              // at power-up there is no past

    wire [7:0] inside       = in_count - out_count;
    wire [7:0] watched_age  = watched - out_count;
    wire       watched_here = watched_age < inside;
    wire [7:0] read_number  = out_count + {7'd0, m_item_tvalid};

    always @(posedge clk) begin
        past_rst <= rst;
        if (put) begin
            in_count <= in_count + 8'd1;
            if (in_count == watched) watched_data <= s_item_tdata;
        end
        if (m_item_tvalid && m_item_tready) out_count <= out_count + 8'd1;

        if (rst) begin
            in_count  <= 8'd0;
            out_count <= 8'd0;
        end
    end

    `CHECK(counts_what_is_inside, inside == {{(7-DEPTH_LOG2){1'b0}}, waiting} + {7'd0, m_item_tvalid})
    `CHECK(writes_in_turn,        write_q == in_count[DEPTH_LOG2:0])
    `CHECK(reads_in_turn,         read_q == read_number[DEPTH_LOG2:0])
    `CHECK(offers_in_turn,        !(m_item_tvalid && watched_age == 8'd0) || m_item_tdata == watched_data)
    `CHECK(keeps_what_waits,      !(watched_here && !(m_item_tvalid && watched_age == 8'd0)) ||
                                  memory_q[watched[DEPTH_LOG2-1:0]] == watched_data)
    `CHECK(offers_what_came,      !m_item_tvalid || inside != 8'd0)
    `CHECK(stays_until_taken,     past_rst || !$past(m_item_tvalid && !m_item_tready) ||
                                  (m_item_tvalid && m_item_tdata == $past(m_item_tdata)))
