// mgmt: the management core with its memories and devices, and which image of its firmware runs.
//
//   latency     an access of the core 1 or 2 clocks, one to the card's registers as long as the host reads them
//   throughput  one access at a time
//   slow sink   an alert stands until it is taken; the firmware sees that it does
//   reset       rst as power-up; restart_i begins the core anew and keeps what was loaded
//   invariant   nothing here reaches the engine but alert_o and gate_o; gate_o only closes
//
// Image A is built in. The host opens the load window, which begins A and makes slot B count as empty, writes B word by word
// and closes the window; A then looks at B and, if it is whole, asks for BOOT_TO_B. An image B that traps or falls silent is
// left for A, and not tried again until it is loaded again. driver/abi/mgmt.def has addresses and codes.
//
// A word with two wrong bits stops the core until the host begins it anew: what it would do next is anybody's guess.

`include "abi.vh"
`include "check.vh"
`default_nettype none

module mgmt #(
    parameter WATCHDOG_LOG2 = 26                    // clocks without a sign of life, as a power of two
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        restart_i,                   // pulse: CONTROL.RESET

    // From the host's registers
    input  wire        control_i,                   // pulse: MGMT_CONTROL is written
    // verilator lint_off UNUSEDSIGNAL
    input  wire [31:0] control_data_i,
    // verilator lint_on UNUSEDSIGNAL
    output wire [31:0] status_o,                    // MGMT
    input  wire        mailbox_i,                   // pulse: MAILBOX is written
    input  wire [31:0] mailbox_data_i,
    output wire [31:0] mailbox_reply_o,
    input  wire        load_i,                      // pulse: a word of the load window is written
    input  wire [11:0] load_index_i,
    input  wire [31:0] load_data_i,
    input  wire [9:0]  page_index_i,
    output reg  [31:0] page_data_o,                 // 1 clock behind page_index_i

    // Into the host's registers
    output wire        card_valid_o,                // stands until card_ready_i
    output wire [9:0]  card_index_o,
    input  wire        card_ready_i,
    input  wire [31:0] card_data_i,                 // with card_ready_i

    output wire        alert_o,                     // stands until alerted_i
    output reg  [7:0]  alert_code_o = 8'd0,         // ALERT_
    output reg  [31:0] alert_value_o = 32'd0,       // signed
    input  wire        alerted_i,
    output reg         gate_o = 1'b0,               // pulse: close the gate
    output wire        corrected_o,                 // pulse: a word was put right
    input  wire [4:0]  inject_i,                    // MEMORY_ of what is to be tried

    input  wire [15:0] temperature_i,               // 0.01 degrees Celsius, signed
    input  wire [15:0] vccint_i,                    // millivolts
    input  wire [15:0] vccaux_i,                    // millivolts
    input  wire [13:0] link_i                       // as DEVICE_LINK
);
    // ---- which image runs, and since when ---------------------------------------------------------------------------
    reg                     slot_q   = 1'b0;
    reg                     loaded_q = 1'b0;
    reg                     failed_q = 1'b0;
    reg                     open_q   = 1'b0;
    reg                     stuck_q  = 1'b0;        // two wrong bits
    reg  [15:0]             boots_q  = 16'd0;
    reg                     begin_q  = 1'b1;        // the core is in reset
    reg  [WATCHDOG_LOG2:0]  silence_q = 0;
    reg  [31:0]             clocks_q = 32'd0;

    wire        device_write;
    wire [7:0]  device;
    wire [31:0] mem_data;
    wire        boot    = device_write && device == `DEVICE_BOOT;
    wire        silent  = silence_q[WATCHDOG_LOG2];
    wire        host_restarts = control_i && |control_data_i[`MGMT_CONTROL_RESTART];
    wire        opens   = control_i && |control_data_i[`MGMT_CONTROL_OPEN];
    wire        closes  = control_i && |control_data_i[`MGMT_CONTROL_CLOSE] && open_q;
    wire        to_b    = boot && mem_data == `BOOT_TO_B && !slot_q && loaded_q;
    wire        to_a    = boot && mem_data == `BOOT_TO_A || silent;
    wire        by_host = restart_i || host_restarts || opens || closes;
    wire        begins  = by_host || boot || silent;

    always @(posedge clk) begin
        begin_q   <= begins;
        clocks_q  <= begin_q ? 32'd0 : clocks_q + 32'd1;
        silence_q <= begins || stuck_q || (device_write && device == `DEVICE_WATCHDOG) ? 0 : silence_q + 1'b1;
        if (begin_q && !begins) boots_q <= boots_q + 16'd1;
        if (begins)  stuck_q <= 1'b0;
        if (mem_two && !begins && !begin_q) stuck_q <= 1'b1;

        if (to_a && slot_q && !by_host) begin
            failed_q <= 1'b1;
            loaded_q <= 1'b0;
        end
        if (by_host || to_a) slot_q <= 1'b0;
        else if (to_b)       slot_q <= 1'b1;
        if (closes) begin
            open_q   <= 1'b0;
            loaded_q <= 1'b1;
        end
        if (opens) begin
            open_q   <= 1'b1;
            loaded_q <= 1'b0;
            failed_q <= 1'b0;
        end

        if (rst) begin
            slot_q    <= 1'b0;
            loaded_q  <= 1'b0;
            failed_q  <= 1'b0;
            open_q    <= 1'b0;
            stuck_q   <= 1'b0;
            boots_q   <= 16'd0;
            begin_q   <= 1'b1;
            silence_q <= 0;
        end
    end

    // ---- the core ---------------------------------------------------------------------------------------------------
    wire        mem_valid, mem_fetch, mem_ready, mem_error;
    wire [31:0] mem_addr;
    wire [3:0]  mem_strobe;
    wire [31:0] mem_answer;
    wire        timer   = $signed(clocks_q - compare_q) >= 0;

    // verilator lint_off PINCONNECTEMPTY
    rv32i processor (
        .clk(clk), .rst(begin_q || stuck_q),
        .mem_valid_o(mem_valid), .mem_fetch_o(mem_fetch), .mem_addr_o(mem_addr), .mem_strobe_o(mem_strobe),
        .mem_data_o(mem_data), .mem_ready_i(mem_ready), .mem_error_i(mem_error), .mem_data_i(mem_answer),
        .irq_timer_i(timer), .irq_external_i(full_q),
        .asleep_o(), .retire_o(), .retire_pc_o(), .retire_insn_o(), .retire_trap_o(), .retire_write_o(), .retire_reg_o(),
        .retire_value_o()
    );
    // verilator lint_on PINCONNECTEMPTY

    wire        is_write  = mem_strobe != 4'd0;
    wire        in_image  = (mem_addr & ~(`REGION_IMAGE_BYTES - 32'd1))  == `REGION_IMAGE;
    wire        in_update = (mem_addr & ~(`REGION_UPDATE_BYTES - 32'd1)) == `REGION_UPDATE;
    wire        in_data   = (mem_addr & ~(`REGION_DATA_BYTES - 32'd1))   == `REGION_DATA;
    wire        in_page   = (mem_addr & ~(`REGION_PAGE_BYTES - 32'd1))   == `REGION_PAGE;
    wire        in_device = (mem_addr & ~(`REGION_DEVICES_BYTES - 32'd1)) == `REGION_DEVICES;
    wire        in_card   = (mem_addr & ~(`REGION_CARD_BYTES - 32'd1))   == `REGION_CARD;

    wire        use_a     = mem_valid && in_image && !slot_q && !is_write;
    wire        use_b     = mem_valid && (in_update || (in_image && slot_q)) && !is_write && !(mem_fetch && in_update);
    wire        use_data  = mem_valid && in_data && !mem_fetch;
    wire        use_page  = mem_valid && in_page && !mem_fetch;
    wire        use_device = mem_valid && in_device && !mem_fetch && (!is_write || &mem_strobe);
    wire        use_card  = mem_valid && in_card && !mem_fetch && !is_write;
    wire        use_none  = mem_valid && !(use_a || use_b || use_data || use_page || use_device || use_card);

    wire        a_ready, b_ready, data_ready, a_two, b_two, data_two, a_corrected, b_corrected, data_corrected;
    wire [31:0] a_data, b_data, data_data;
    reg  [31:0] page_q, device_q;
    reg         again_q = 1'b0;                     // second clock of an access to page or device
    wire        second  = again_q && (use_page || use_device);
    wire        mem_two = a_two || b_two || data_two;

    assign mem_ready  = a_ready || b_ready || data_ready || second || (use_card && card_ready_i) || use_none;
    assign mem_error  = use_none;
    assign mem_answer = use_a ? a_data : use_b ? b_data : use_data ? data_data : use_page ? page_q
                      : use_card ? card_data_i : device_q;
    assign corrected_o = a_corrected || b_corrected || data_corrected;

    // ---- memories ---------------------------------------------------------------------------------------------------
    ecc_memory #(.INDEX_W(12), .FIRMWARE(1)) image_a (
        .clk(clk), .rst(rst || begin_q), .valid_i(use_a), .index_i(mem_addr[13:2]), .strobe_i(4'd0), .data_i(32'd0),
        .ready_o(a_ready), .error_o(a_two), .data_o(a_data), .corrected_o(a_corrected),
        .load_i(1'b0), .load_index_i(12'd0), .load_data_i(32'd0), .flip_i(2'b00)
    );
    ecc_memory #(.INDEX_W(12)) image_b (
        .clk(clk), .rst(rst || begin_q), .valid_i(use_b), .index_i(mem_addr[13:2]), .strobe_i(4'd0), .data_i(32'd0),
        .ready_o(b_ready), .error_o(b_two), .data_o(b_data), .corrected_o(b_corrected),
        .load_i(load_i && open_q), .load_index_i(load_index_i), .load_data_i(load_data_i), .flip_i(2'b00)
    );

    // One word of data memory is written wrong for each time that it is asked for.
    reg  [4:0]  injected_q = 5'd0;
    wire        flips  = inject_i != injected_q;
    wire [1:0]  flip   = !flips ? 2'b00 : {inject_i == `MEMORY_MANAGEMENT_TWO, inject_i == `MEMORY_MANAGEMENT
                       || inject_i == `MEMORY_MANAGEMENT_TWO};
    always @(posedge clk) begin
        if ((data_ready && is_write) || inject_i == 5'd0) injected_q <= inject_i;
        if (rst) injected_q <= 5'd0;
    end
    ecc_memory #(.INDEX_W(11)) data (
        .clk(clk), .rst(rst || begin_q), .valid_i(use_data), .index_i(mem_addr[12:2]), .strobe_i(mem_strobe), .data_i(mem_data),
        .ready_o(data_ready), .error_o(data_two), .data_o(data_data), .corrected_o(data_corrected),
        .load_i(1'b0), .load_index_i(11'd0), .load_data_i(32'd0), .flip_i(flip)
    );

    reg  [31:0] page [0:1023];
    integer     i;
    initial for (i = 0; i < 1024; i = i + 1) page[i] = 32'd0;
    always @(posedge clk) begin
        page_q      <= page[mem_addr[11:2]];
        page_data_o <= page[page_index_i];
        if (use_page && !again_q) begin
            if (mem_strobe[0]) page[mem_addr[11:2]][7:0]   <= mem_data[7:0];
            if (mem_strobe[1]) page[mem_addr[11:2]][15:8]  <= mem_data[15:8];
            if (mem_strobe[2]) page[mem_addr[11:2]][23:16] <= mem_data[23:16];
            if (mem_strobe[3]) page[mem_addr[11:2]][31:24] <= mem_data[31:24];
        end
    end

    assign card_valid_o = use_card;
    assign card_index_o = mem_addr[11:2];

    // ---- devices ----------------------------------------------------------------------------------------------------
    reg  [3:0]  state_q   = 4'd0;
    reg  [31:0] compare_q = 32'h7fffffff;
    reg         full_q    = 1'b0;
    reg  [31:0] mailbox_q = 32'd0;
    reg  [31:0] reply_q   = 32'd0;
    reg         alert_q   = 1'b0;
    reg  [31:0] corrected_count_q = 32'd0;

    assign device       = {mem_addr[7:2], 2'b00};
    assign device_write = use_device && is_write && !again_q;

    // Anything else the engine would refuse, and say so of a command that the host does not know.
    wire [7:0] alert_asked = mem_data[7:0] & ~`ALERT_CLEARED;
    wire       is_alert    = alert_asked != 8'd0 && alert_asked <= `ALERT_CRITICAL;

    reg [31:0] device_value;
    always @* begin
        case (device)
        `DEVICE_SLOT:         device_value = {30'd0, loaded_q, slot_q};
        `DEVICE_STATE:        device_value = {28'd0, state_q};
        `DEVICE_CLOCKS:       device_value = clocks_q;
        `DEVICE_COMPARE:      device_value = compare_q;
        `DEVICE_MAILBOX:      device_value = mailbox_q;
        `DEVICE_MAILBOX_FULL: device_value = {31'd0, full_q};
        `DEVICE_ALERT_VALUE:  device_value = alert_value_o;
        `DEVICE_ALERT:        device_value = {31'd0, alert_q};
        `DEVICE_TEMPERATURE:  device_value = {{16{temperature_i[15]}}, temperature_i};
        `DEVICE_VCCINT:       device_value = {16'd0, vccint_i};
        `DEVICE_VCCAUX:       device_value = {16'd0, vccaux_i};
        `DEVICE_LINK:         device_value = {18'd0, link_i};
        `DEVICE_CORRECTED:    device_value = corrected_count_q;
        default:              device_value = 32'd0;
        endcase
    end

    always @(posedge clk) begin
        again_q  <= (use_page || use_device) && !again_q && !begin_q;
        device_q <= device_value;
        gate_o   <= device_write && device == `DEVICE_GATE && mem_data[0];
        if (corrected_o) corrected_count_q <= corrected_count_q + 32'd1;
        if (alerted_i)   alert_q <= 1'b0;
        if (mailbox_i && !full_q && !begin_q) begin
            full_q    <= 1'b1;
            mailbox_q <= mailbox_data_i;
        end
        if (device_write) case (device)
            `DEVICE_STATE:         state_q       <= mem_data[3:0];
            `DEVICE_COMPARE:       compare_q     <= mem_data;
            `DEVICE_ALERT_VALUE:   if (!alert_q) alert_value_o <= mem_data;
            `DEVICE_ALERT:         if (!alert_q && is_alert) begin
                alert_q      <= 1'b1;
                alert_code_o <= mem_data[7:0];
            end
            `DEVICE_MAILBOX_REPLY: begin
                reply_q <= mem_data;
                full_q  <= 1'b0;
            end
            default: ;
        endcase

        // A command that nobody will answer any more is not answered by an older answer.
        if (begins && full_q) reply_q <= `MAILBOX_UNKNOWN;
        if (begin_q || stuck_q) begin
            again_q   <= 1'b0;
            gate_o    <= 1'b0;
            state_q   <= 4'd0;
            compare_q <= 32'h7fffffff;
            full_q    <= 1'b0;
            alert_q   <= 1'b0;
        end
        if (rst) begin
            mailbox_q         <= 32'd0;
            reply_q           <= 32'd0;
            corrected_count_q <= 32'd0;
        end
    end

    assign alert_o         = alert_q;
    assign mailbox_reply_o = reply_q;
    assign status_o[`MGMT_STATE]  = state_q;
    assign status_o[`MGMT_SLOT]   = slot_q;
    assign status_o[`MGMT_LOADED] = loaded_q;
    assign status_o[`MGMT_MEMORY] = stuck_q;
    assign status_o[`MGMT_FULL]   = full_q;
    assign status_o[`MGMT_OPEN]   = open_q;
    assign status_o[`MGMT_FAILED] = failed_q;
    assign status_o[15:10]        = 6'd0;
    assign status_o[`MGMT_BOOTS]  = boots_q;

    `CHECK(runs_b_only_if_loaded, !slot_q || (loaded_q && !open_q))
    `CHECK(one_memory_answers,    {2'd0, a_ready} + {2'd0, b_ready} + {2'd0, data_ready} <= 3'd1)
endmodule

`default_nettype wire
