// rv32i_proof: what is proven of rtl/mgmt/rv32i.v, seen from inside it, whatever memory and interrupts do. That instructions
// compute what they should is simulated.

    reg       past_rst = 1'b1;                      // at power-up there is no past
    reg [2:0] busy     = 3'd0;                      // clocks since an instruction began, without those it waited or slept

    wire waits  = mem_valid_o && !mem_ready_i;
    wire begins = !waits && (retire_o || in_trap || state_q == START);

    always @(posedge clk) begin
        past_rst <= rst;
        if (begins)                   busy <= 3'd0;
        else if (!waits && !in_sleep) busy <= busy + 3'd1;

        if (rst) busy <= 3'd0;
    end

    `CHECK(stays_until_ready,    past_rst || !$past(mem_valid_o && !mem_ready_i) ||
                                 (mem_valid_o && mem_fetch_o == $past(mem_fetch_o) && mem_addr_o == $past(mem_addr_o) &&
                                  mem_strobe_o == $past(mem_strobe_o) &&
                                  (mem_strobe_o == 4'd0 || mem_data_o == $past(mem_data_o))))
    `CHECK(writes_in_memory,     strobe_q == 4'd0 || in_memory)
    `CHECK(only_stores_write,    strobe_q == 4'd0 || is_store)
    `CHECK(memory_is_for_access, !in_memory || is_load || is_store)
    `CHECK(load_is_a_load,       !in_load || is_load)
    `CHECK(x0_reads_0,           (rs1 != 5'd0 || read1 == 32'd0) && (rs2 != 5'd0 || read2 == 32'd0))
    `CHECK(trap_writes_nothing,  !in_trap || !retire_write_o)
    `CHECK(only_what_ends_writes, !retire_write_o || retire_o)
    `CHECK(trap_goes_to_handler, past_rst || !$past(in_trap) ||
                                 (mem_valid_o && mem_fetch_o && mem_addr_o == {$past(mtvec_q), 2'b00} && !mie_q))
    `CHECK(trap_for_a_reason,    past_rst || !in_trap ||
                                 (mcause_interrupt_q ? $past(in_fetch && interrupts) :
                                  $past(excepts || (mem_valid_o && mem_ready_i && mem_error_i))))
    // Five clocks and no more are an instruction's own: what in them is none of its business shows here.
    `CHECK(ends_in_time,         busy == (in_read ? 3'd1 : in_execute ? 3'd2 : in_memory || in_sleep ? 3'd3 : in_load ? 3'd4 :
                                          in_trap ? busy : 3'd0))
    `CHECK(traps_in_time,        !in_trap || (busy != 3'd0 && busy <= 3'd4))
