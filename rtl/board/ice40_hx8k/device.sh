# device.sh: the device that place.sh places for, as shell words.
device="--hx8k --package ct256"
device_luts=7680
device_rams=32
target_mhz=100
seeds="1 2 3" # three: so many columns has the table
