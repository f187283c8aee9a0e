// rv32i: a small RISC-V processor for management firmware: RV32I with Zicsr and Zifencei, machine mode only.
//
//   latency     3 clocks an instruction with a memory that answers at once: fetch, read, execute. A store takes 4, a load 5,
//               WFI 4 at least, an instruction that traps 1 more than it took to know. Each wait of the memory adds its clocks
//   throughput  one instruction at a time
//   slow sink   a request stands unchanged until mem_ready_i; only rst withdraws one
//   reset       the first request is the fetch of RESET_PC, in the second clock behind rst; under rst there is none, except
//               in its first clock. General registers, mepc, mtval and mscratch are whatever they were
//   invariant   x0 reads 0; no address has its low 2 bits set; a trap changes no general register
//
// Traps, by their code in mcause, and what mtval has: fetch misaligned (0, target; mepc is the jump), fetch fault (1, pc),
// illegal instruction (2, instruction), EBREAK (3, 0), load misaligned (4) and fault (5), store misaligned (6) and fault (7,
// the byte address each), ECALL (11, 0), timer interrupt (7) and external interrupt (11), which comes first (bit 31, 0).
// An interrupt is taken where an instruction is fetched, and the instruction is not begun.
//
// What would need another mode is not there: MPP reads 3, and mtvec and mepc have no low 2 bits. mip cannot be written.
//
// retire_o and what goes with it are for checks: they follow the inputs within the clock in which an instruction ends.
// An instruction that trapped ends too, with retire_trap_o; an interrupt ends none. Where the fetch itself failed,
// retire_insn_o is an older instruction.

`include "check.vh"
`default_nettype none

module rv32i #(
    parameter [31:0] RESET_PC = 32'h0000_0000
) (
    input  wire        clk,
    input  wire        rst,

    output wire        mem_valid_o,         // a request stands until ready
    output wire        mem_fetch_o,         // it is an instruction fetch
    output wire [31:0] mem_addr_o,          // byte address, word aligned
    output wire [3:0]  mem_strobe_o,        // bytes to be written; 0 reads
    output wire [31:0] mem_data_o,
    input  wire        mem_ready_i,         // answers the request in this clock
    input  wire        mem_error_i,         // with ready: no such address, or forbidden
    input  wire [31:0] mem_data_i,          // with ready

    input  wire        irq_timer_i,         // levels
    input  wire        irq_external_i,
    output wire        asleep_o,            // in WFI

    output wire        retire_o,            // one instruction ends in this clock
    output wire [31:0] retire_pc_o,
    output wire [31:0] retire_insn_o,
    output wire        retire_trap_o,
    output wire        retire_write_o,      // it writes a register that is not x0
    output wire [4:0]  retire_reg_o,
    output wire [31:0] retire_value_o
);
    localparam [2:0] START   = 3'd0;        // reset: nothing is asked for
    localparam [2:0] FETCH   = 3'd1;
    localparam [2:0] READ    = 3'd2;        // registers, or a CSR, become the operands
    localparam [2:0] EXECUTE = 3'd3;
    localparam [2:0] MEMORY  = 3'd4;
    localparam [2:0] LOAD    = 3'd5;        // what was read is written to its register
    localparam [2:0] SLEEP   = 3'd6;
    localparam [2:0] TRAP    = 3'd7;        // mcause is there; the rest is filled in from it

    localparam [11:0] MSTATUS   = 12'h3_00;
    localparam [11:0] MISA      = 12'h3_01;
    localparam [11:0] MIE       = 12'h3_04;
    localparam [11:0] MTVEC     = 12'h3_05;
    localparam [11:0] MSCRATCH  = 12'h3_40;
    localparam [11:0] MEPC      = 12'h3_41;
    localparam [11:0] MCAUSE    = 12'h3_42;
    localparam [11:0] MTVAL     = 12'h3_43;
    localparam [11:0] MIP       = 12'h3_44;
    localparam [11:0] MCYCLE    = 12'hB_00;
    localparam [11:0] MINSTRET  = 12'hB_02;
    localparam [11:0] MCYCLEH   = 12'hB_80;
    localparam [11:0] MINSTRETH = 12'hB_82;
    localparam [11:0] MVENDORID = 12'hF_11;
    localparam [11:0] MARCHID   = 12'hF_12;
    localparam [11:0] MIMPID    = 12'hF_13;
    localparam [11:0] MHARTID   = 12'hF_14;

    localparam [31:0] RV32_I = 32'h4000_0100;

    localparam [3:0] FETCH_MISALIGNED = 4'd0;
    localparam [3:0] FETCH_FAULT      = 4'd1;
    localparam [3:0] ILLEGAL          = 4'd2;
    localparam [3:0] BREAKPOINT       = 4'd3;
    localparam [3:0] LOAD_MISALIGNED  = 4'd4;
    localparam [3:0] LOAD_FAULT       = 4'd5;
    localparam [3:0] STORE_MISALIGNED = 4'd6;
    localparam [3:0] STORE_FAULT      = 4'd7;
    localparam [3:0] TIMER            = 4'd7;
    localparam [3:0] CALL             = 4'd11;
    localparam [3:0] EXTERNAL         = 4'd11;

    reg [2:0]  state_q = START;
    reg [29:0] pc_q    = RESET_PC[31:2];    // in words, as every address of an instruction
    reg [29:0] next_q;                      // the one behind it
    reg [31:0] insn_q;
    reg [31:0] a_q;
    reg [31:0] b_q;
    reg [31:0] address_q;                   // of a load or store, or where a jump goes: what mtval may need
    reg [31:0] store_q;
    reg [3:0]  strobe_q = 4'd0;

    reg        mie_q  = 1'b0;               // mstatus.MIE
    reg        mpie_q = 1'b0;               // mstatus.MPIE
    reg        enable_timer_q    = 1'b0;    // mie.MTIE
    reg        enable_external_q = 1'b0;    // mie.MEIE
    reg [29:0] mtvec_q = RESET_PC[31:2];
    reg [29:0] mepc_q;
    reg        mcause_interrupt_q = 1'b0;
    reg [3:0]  mcause_q = 4'd0;
    reg [31:0] mtval_q;
    reg [31:0] mscratch_q;
    reg [63:0] mcycle_q   = 64'd0;
    reg [63:0] minstret_q = 64'd0;

    wire in_fetch   = state_q == FETCH;
    wire in_read    = state_q == READ;
    wire in_execute = state_q == EXECUTE;
    wire in_memory  = state_q == MEMORY;
    wire in_load    = state_q == LOAD;
    wire in_sleep   = state_q == SLEEP;
    wire in_trap    = state_q == TRAP;

    // ---- decoding ----------------------------------------------------------------------------------------------------
    wire [4:0]  opcode   = insn_q[6:2];
    wire [2:0]  funct3   = insn_q[14:12];
    wire [6:0]  funct7   = insn_q[31:25];
    wire [4:0]  rd       = insn_q[11:7];
    wire [4:0]  rs1      = insn_q[19:15];
    wire [4:0]  rs2      = insn_q[24:20];
    wire [11:0] csr      = insn_q[31:20];

    wire is_load   = opcode == 5'b00000;
    wire is_fence  = opcode == 5'b00011;
    wire is_op_imm = opcode == 5'b00100;
    wire is_auipc  = opcode == 5'b00101;
    wire is_store  = opcode == 5'b01000;
    wire is_op     = opcode == 5'b01100;
    wire is_lui    = opcode == 5'b01101;
    wire is_branch = opcode == 5'b11000;
    wire is_jalr   = opcode == 5'b11001;
    wire is_jal    = opcode == 5'b11011;
    wire is_system = opcode == 5'b11100;
    wire is_alu    = is_op || is_op_imm;
    wire is_csr    = is_system && funct3 != 3'd0;

    wire is_ecall  = insn_q == 32'h0000_0073;
    wire is_ebreak = insn_q == 32'h0010_0073;
    wire is_wfi    = insn_q == 32'h1050_0073;
    wire is_mret   = insn_q == 32'h3020_0073;

    wire csr_writes   = funct3[1:0] == 2'b01 || rs1 != 5'd0;
    wire csr_constant = csr[11:10] == 2'b11;

    reg         csr_known;
    reg  [31:0] csr_value;
    always @(*) begin
        csr_known = 1'b1;
        csr_value = 32'd0;
        case (csr)
        MSTATUS:   csr_value = {19'd0, 2'b11, 3'd0, mpie_q, 3'd0, mie_q, 3'd0};
        MISA:      csr_value = RV32_I;
        MIE:       csr_value = {20'd0, enable_external_q, 3'd0, enable_timer_q, 7'd0};
        MTVEC:     csr_value = {mtvec_q, 2'b00};
        MSCRATCH:  csr_value = mscratch_q;
        MEPC:      csr_value = {mepc_q, 2'b00};
        MCAUSE:    csr_value = {mcause_interrupt_q, 27'd0, mcause_q};
        MTVAL:     csr_value = mtval_q;
        MIP:       csr_value = {20'd0, irq_external_i, 3'd0, irq_timer_i, 7'd0};
        MCYCLE:    csr_value = mcycle_q[31:0];
        MCYCLEH:   csr_value = mcycle_q[63:32];
        MINSTRET:  csr_value = minstret_q[31:0];
        MINSTRETH: csr_value = minstret_q[63:32];
        MVENDORID, MARCHID, MIMPID, MHARTID: csr_value = 32'd0;
        default:   csr_known = 1'b0;
        endcase
    end

    reg legal;
    always @(*) begin
        case (opcode)
        5'b00000: legal = funct3 != 3'd3 && funct3[2:1] != 2'b11;
        5'b00011: legal = funct3[2:1] == 2'b00;
        5'b00100: legal = funct3[1:0] != 2'b01 || (funct7 & ~{1'b0, funct3[2], 5'd0}) == 7'd0;
        5'b00101, 5'b01101, 5'b11011: legal = 1'b1;
        5'b01000: legal = !funct3[2] && funct3 != 3'd3;
        5'b01100: legal = funct7 == 7'd0 || (funct7 == 7'b0100000 && (funct3 == 3'd0 || funct3 == 3'd5));
        5'b11000: legal = funct3[2:1] != 2'b01;
        5'b11001: legal = funct3 == 3'd0;
        5'b11100: legal = funct3 == 3'd0 ? is_ecall || is_ebreak || is_wfi || is_mret :
                          funct3 != 3'd4 && csr_known && !(csr_constant && csr_writes);
        default:  legal = 1'b0;
        endcase
        if (insn_q[1:0] != 2'b11) legal = 1'b0;
    end

    // ---- operands ----------------------------------------------------------------------------------------------------
    reg  [31:0] registers [0:31];           // row 0 is never read
    wire [31:0] read1 = rs1 == 5'd0 ? 32'd0 : registers[rs1];
    wire [31:0] read2 = rs2 == 5'd0 ? 32'd0 : registers[rs2];

    wire [31:0] immediate =
        is_lui || is_auipc ? {insn_q[31:12], 12'd0} :
        is_jal             ? {{12{insn_q[31]}}, insn_q[19:12], insn_q[20], insn_q[30:21], 1'b0} :
        is_store           ? {{21{insn_q[31]}}, insn_q[30:25], insn_q[11:7]} :
                             {{21{insn_q[31]}}, insn_q[30:20]};

    // The second adder: the next instruction first, then where a branch goes.
    wire [29:0] branch_offset = {{20{insn_q[31]}}, insn_q[7], insn_q[30:25], insn_q[11:9]};
    wire [29:0] pc_sum        = pc_q + (in_read ? 30'd1 : branch_offset);

    always @(posedge clk) begin
        if (in_fetch) insn_q <= mem_data_i;
        if (in_read) begin
            a_q <= is_lui               ? 32'd0 :
                   is_auipc || is_jal   ? {pc_q, 2'b00} :
                   is_csr && funct3[2]  ? {27'd0, rs1} : read1;
            b_q <= is_csr               ? csr_value :
                   is_op || is_branch   ? read2 : immediate;
            next_q <= pc_sum;
        end
        if (in_memory) b_q <= mem_data_i;
    end

    // ---- arithmetic --------------------------------------------------------------------------------------------------
    // One carry chain: bit 0 carries in, so that a - b is a + ~b + 1.
    wire        subtracts = is_branch || (is_alu && funct3[2:1] == 2'b01) || (is_op && funct3 == 3'd0 && funct7[5]);
    // verilator lint_off UNUSEDSIGNAL
    wire [32:0] sum_carry = {a_q, 1'b1} + {b_q ^ {32{subtracts}}, subtracts};
    // verilator lint_on UNUSEDSIGNAL
    wire [31:0] sum       = sum_carry[32:1];
    wire        unsigneds = is_branch ? funct3[1] : funct3[0];
    wire        less      = a_q[31] == b_q[31] ? sum[31] : unsigneds ? b_q[31] : a_q[31];
    wire        equal     = a_q == b_q;
    wire        taken     = (funct3[2] ? less : equal) != funct3[0];

    // Left is right, mirrored before and behind.
    wire [31:0] mirrored;
    wire [31:0] shifted;
    wire [31:0] shifted_left;
    genvar n;
    generate
        for (n = 0; n < 32; n = n + 1) begin : mirror
            assign mirrored[n]     = a_q[31-n];
            assign shifted_left[n] = shifted[31-n];
        end
    endgenerate
    wire        shift_fill = funct7[5] && a_q[31];
    // verilator lint_off UNUSEDSIGNAL
    wire [32:0] shift_wide = $signed({funct3[2] && shift_fill, funct3[2] ? a_q : mirrored}) >>> b_q[4:0];
    // verilator lint_on UNUSEDSIGNAL
    assign shifted = shift_wide[31:0];

    wire [15:0] half   = address_q[1] ? b_q[31:16] : b_q[15:0];
    wire [7:0]  lane   = address_q[0] ? half[15:8] : half[7:0];
    wire [31:0] loaded = funct3[1:0] == 2'd0 ? {{24{lane[7] && !funct3[2]}}, lane} :
                         funct3[1:0] == 2'd1 ? {{16{half[15] && !funct3[2]}}, half} : b_q;

    reg [31:0] result;
    always @(*) begin
        result = sum;
        if (is_alu)
            case (funct3)
            3'd0: result = sum;
            3'd1: result = shifted_left;
            3'd2: result = {31'd0, less};
            3'd3: result = {31'd0, less};
            3'd4: result = a_q ^ b_q;
            3'd5: result = shifted;
            3'd6: result = a_q | b_q;
            3'd7: result = a_q & b_q;
            endcase
        if (is_jal || is_jalr) result = {next_q, 2'b00};
        if (is_system)         result = b_q;
        if (in_load)           result = loaded;
    end

    // ---- where it goes on --------------------------------------------------------------------------------------------
    wire jumps = is_jal || is_jalr || (is_branch && taken);
    // Bit 0 of a JALR's sum is dropped; JAL and branches have none.
    wire [31:0] target = is_branch ? {pc_sum, insn_q[8], 1'b0} : {sum[31:1], sum[0] && !is_jalr};

    wire uneven    = funct3[1:0] == 2'd1 ? sum[0] : funct3[1:0] == 2'd2 ? sum[1:0] != 2'd0 : 1'b0;
    wire misplaced = jumps ? target[1] : (is_load || is_store) && uneven;
    wire excepts   = in_execute && (!legal || is_ecall || is_ebreak || misplaced);

    wire timer      = irq_timer_i && enable_timer_q;
    wire external   = irq_external_i && enable_external_q;
    wire interrupts = mie_q && (timer || external);
    wire completes  = in_execute && !excepts;

    always @(posedge clk) begin
        case (state_q)
        START:   state_q <= FETCH;
        FETCH:   if (mem_ready_i) state_q <= interrupts || mem_error_i ? TRAP : READ;
        READ:    state_q <= EXECUTE;
        EXECUTE: state_q <= excepts              ? TRAP :
                            is_load || is_store  ? MEMORY :
                            is_wfi               ? SLEEP : FETCH;
        MEMORY:  if (mem_ready_i) state_q <= mem_error_i ? TRAP : is_load ? LOAD : FETCH;
        LOAD:    state_q <= FETCH;
        SLEEP:   if (timer || external) state_q <= FETCH;
        TRAP:    state_q <= FETCH;
        endcase

        // A trap behind EXECUTE needs the instruction's own address.
        if (completes && !is_load && !is_store && !is_wfi)
            pc_q <= is_mret ? mepc_q : jumps ? target[31:2] : next_q;
        if (retire_o && !in_execute) pc_q <= next_q;
        if (in_trap)                 pc_q <= mtvec_q;

        if (rst) begin
            state_q <= START;
            pc_q    <= RESET_PC[31:2];
        end
    end

    // ---- memory ------------------------------------------------------------------------------------------------------
    assign mem_valid_o  = in_fetch || in_memory;
    assign mem_fetch_o  = in_fetch;
    assign mem_addr_o   = in_fetch ? {pc_q, 2'b00} : {address_q[31:2], 2'b00};
    assign mem_strobe_o = strobe_q;
    assign mem_data_o   = store_q;

    wire [3:0] width = funct3[1:0] == 2'd0 ? 4'b0001 : funct3[1:0] == 2'd1 ? 4'b0011 : 4'b1111;

    always @(posedge clk) begin
        if (in_execute) begin
            address_q <= target;
            store_q   <= funct3[1:0] == 2'd0 ? {4{read2[7:0]}} : funct3[1:0] == 2'd1 ? {2{read2[15:0]}} : read2;
        end
        if (completes && is_store)    strobe_q <= width << sum[1:0];
        if (in_memory && mem_ready_i) strobe_q <= 4'd0;

        if (rst) strobe_q <= 4'd0;
    end

    wire        fills = !(is_branch || is_store || is_load || is_fence || (is_system && !is_csr));
    wire        write = ((completes && fills) || in_load) && rd != 5'd0;
    always @(posedge clk) begin
        if (write) registers[rd] <= result;
    end

    // ---- control and status ------------------------------------------------------------------------------------------
    wire        csr_write = completes && is_csr && csr_writes;
    wire [31:0] csr_next  = funct3[1:0] == 2'b01 ? a_q : funct3[1:0] == 2'b10 ? b_q | a_q : b_q & ~a_q;

    always @(posedge clk) begin
        if (csr_write && csr == MSTATUS) {mpie_q, mie_q} <= {csr_next[7], csr_next[3]};
        if (completes && is_mret)        {mpie_q, mie_q} <= {1'b1, mpie_q};
        if (in_trap)                     {mpie_q, mie_q} <= {mie_q, 1'b0};
        if (csr_write && csr == MIE)     {enable_external_q, enable_timer_q} <= {csr_next[11], csr_next[7]};
        if (csr_write && csr == MTVEC)   mtvec_q <= csr_next[31:2];

        if (rst) begin
            {mpie_q, mie_q}                     <= 2'b00;
            {enable_external_q, enable_timer_q} <= 2'b00;
            mtvec_q                             <= RESET_PC[31:2];
        end
    end

    always @(posedge clk) begin
        if (csr_write && csr == MCAUSE) {mcause_interrupt_q, mcause_q} <= {csr_next[31], csr_next[3:0]};
        if (in_fetch && mem_ready_i) begin
            if (interrupts)       {mcause_interrupt_q, mcause_q} <= {1'b1, external ? EXTERNAL : TIMER};
            else if (mem_error_i) {mcause_interrupt_q, mcause_q} <= {1'b0, FETCH_FAULT};
        end
        if (in_memory && mem_ready_i && mem_error_i)
            {mcause_interrupt_q, mcause_q} <= {1'b0, is_load ? LOAD_FAULT : STORE_FAULT};
        if (excepts)
            {mcause_interrupt_q, mcause_q} <= {1'b0, !legal    ? ILLEGAL :
                                                     is_ecall  ? CALL :
                                                     is_ebreak ? BREAKPOINT :
                                                     is_load   ? LOAD_MISALIGNED :
                                                     is_store  ? STORE_MISALIGNED : FETCH_MISALIGNED};

        if (rst) {mcause_interrupt_q, mcause_q} <= 5'd0;
    end

    // What there is to know beside the cause: ECALL, EBREAK and interrupts have nothing.
    reg [31:0] mtval_trap;
    always @(*) begin
        case (mcause_q)
        FETCH_FAULT:      mtval_trap = {pc_q, 2'b00};
        ILLEGAL:          mtval_trap = insn_q;
        BREAKPOINT, CALL: mtval_trap = 32'd0;
        default:          mtval_trap = mcause_interrupt_q ? 32'd0 : address_q;
        endcase
    end

    always @(posedge clk) begin
        if (csr_write && csr == MSCRATCH) mscratch_q <= csr_next;
        if (csr_write && csr == MEPC)     mepc_q     <= csr_next[31:2];
        if (csr_write && csr == MTVAL)    mtval_q    <= csr_next;
        if (in_trap) begin
            mepc_q  <= pc_q;
            mtval_q <= mtval_trap;
        end
    end

    always @(posedge clk) begin
        mcycle_q <= mcycle_q + 64'd1;
        if (retire_o && !retire_trap_o) minstret_q <= minstret_q + 64'd1;
        // What is written is what is read next, so it goes before the count.
        if (csr_write && csr == MCYCLE)    mcycle_q   <= {mcycle_q[63:32], csr_next};
        if (csr_write && csr == MCYCLEH)   mcycle_q   <= {csr_next, mcycle_q[31:0]};
        if (csr_write && csr == MINSTRET)  minstret_q <= {minstret_q[63:32], csr_next};
        if (csr_write && csr == MINSTRETH) minstret_q <= {csr_next, minstret_q[31:0]};

        if (rst) begin
            mcycle_q   <= 64'd0;
            minstret_q <= 64'd0;
        end
    end

    // ---- what checks look at -----------------------------------------------------------------------------------------
    assign asleep_o       = in_sleep;
    assign retire_trap_o  = in_trap && !mcause_interrupt_q;
    assign retire_o       = (completes && !is_load && !is_store && !is_wfi) || in_load || (in_sleep && (timer || external)) ||
                            (in_memory && mem_ready_i && !mem_error_i && is_store) || retire_trap_o;
    assign retire_pc_o    = {pc_q, 2'b00};
    assign retire_insn_o  = insn_q;
    assign retire_write_o = write;
    assign retire_reg_o   = rd;
    assign retire_value_o = result;

    `CHECK(request_is_aligned, !mem_valid_o || mem_addr_o[1:0] == 2'b00)
    `CHECK(fetch_only_reads,   !mem_fetch_o || mem_strobe_o == 4'd0)
    `CHECK(x0_is_not_written,  !write || rd != 5'd0)
`ifdef PROVE_RV32I
    `include "rv32i_proof.vh"
`endif
endmodule

`default_nettype wire
