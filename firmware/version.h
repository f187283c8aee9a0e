/* version.h: the version of the firmware. Raise it with every change of what host or operator sees.
 */
#ifndef FIRMWARE_VERSION_H
#define FIRMWARE_VERSION_H

enum { FIRMWARE_MAJOR = 1, FIRMWARE_MINOR = 0, FIRMWARE_PATCH = 0 };

enum { FIRMWARE_VERSION = FIRMWARE_MAJOR << 16 | FIRMWARE_MINOR << 8 | FIRMWARE_PATCH };

#endif /* FIRMWARE_VERSION_H */
