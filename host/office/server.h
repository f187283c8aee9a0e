/* server: the control API over HTTP on a Unix socket. It serves only inside server_pass, so that
 * what is read never changes in the middle of an answer. */
#ifndef HOST_OFFICE_SERVER_H
#define HOST_OFFICE_SERVER_H

#include "host/office/api.h"

struct server;

/* server_open listens at path, mode 0600; a socket that a dead process left there is replaced. 0,
   or a negative errno with err_text: -EADDRINUSE when somebody listens there. api stays the
   caller's. server_close takes the socket away. */
int server_open(const char *path, struct api *api, struct server **server);
void server_close(struct server *server);

/* server_wait waits until there is something to do, at most timeout_ms; server_pass does it. */
void server_wait(const struct server *server, int timeout_ms);
void server_pass(struct server *server);

#endif /* HOST_OFFICE_SERVER_H */
