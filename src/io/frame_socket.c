/* SPDX-License-Identifier: Apache-2.0 */
/* Frames over blocking sockets. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "io/frame.h"

static int send_all(int fd, struct bytes data)
{
	while (data.size > 0) {
		ssize_t n = send(fd, data.data, data.size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data = bytes_of(data.data + n, data.size - (size_t)n);
	}
	return 0;
}

int frame_send(int fd, enum frame_type type, uint32_t id, struct bytes payload)
{
	CLEANUP(buf_deinit) struct buf head = BUF_NULL;
	int r;

	if (payload.size > frame_cap(type))
		return -EMSGSIZE;
	/* The payload may be a secret: it goes to the kernel from where it lies. */
	r = frame_encode(&head, type, id, bytes_of(NULL, 0));
	if (r)
		return r;
	head.data[0] = (uint8_t)payload.size;
	head.data[1] = (uint8_t)(payload.size >> 8);
	head.data[2] = (uint8_t)(payload.size >> 16);
	head.data[3] = (uint8_t)(payload.size >> 24);
	r = send_all(fd, buf_view(&head));
	return r ? r : send_all(fd, payload);
}

int frame_receive_header(int fd, uint32_t accept, struct frame_header *ret)
{
	uint8_t head[FRAME_HEADER_SIZE];
	int r;

	r = fd_read_all(fd, head, sizeof(head));
	if (r)
		return r;
	return frame_header_decode(bytes_of(head, sizeof(head)), accept, ret);
}

/* An end of the stream where a payload should be is never a clean one. */
static int read_payload(int fd, void *to, size_t size)
{
	int r = size ? fd_read_all(fd, to, size) : 0;

	return r == -EPIPE ? -EPROTO : r;
}

int frame_receive_body(int fd, const struct frame_header *header, struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf body = BUF_NULL;
	int r;

	r = buf_reserve(&body, header->size);
	if (!r)
		r = read_payload(fd, body.data, header->size);
	if (r)
		return r;
	body.size = header->size;
	*ret = body;
	body = (struct buf)BUF_NULL;
	return 0;
}

int frame_receive_secret(int fd, const struct frame_header *header, struct secret *ret)
{
	CLEANUP(secret_deinit) struct secret secret = SECRET_NULL;
	int r;

	r = secret_alloc(&secret, header->size);
	if (!r)
		r = read_payload(fd, secret.data, header->size);
	if (r)
		return r;
	*ret = secret_steal(&secret);
	return 0;
}

int frame_receive(int fd, uint32_t accept, struct frame_header *ret, struct buf *ret_payload)
{
	struct frame_header header;
	int r;

	r = frame_receive_header(fd, accept, &header);
	if (!r)
		r = frame_receive_body(fd, &header, ret_payload);
	if (!r)
		*ret = header;
	return r;
}
