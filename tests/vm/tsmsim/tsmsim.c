// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Test only: a provider for the kernel's configfs-tsm whose reports come from user space. It registers as "sev_guest" does on a real guest, so that
 * all of fs/configfs and drivers/virt/coco/tsm.c is the genuine code; each report that is wanted is read from /dev/tsmsim by the simulator, which
 * writes the answer back.
 *
 *   read:   u32 privlevel, u32 size, u8 inblob[64]
 *   write:  u32 errno (0: good), u32 size of outblob, u32 size of auxblob, then both
 */
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/wait.h>

/* Renamed in 6.17. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define tsm_ops tsm_report_ops
#define tsm_register tsm_report_register
#define tsm_unregister tsm_report_unregister
#endif

#define ANSWER_SECONDS 20
#define BLOB_MAX (1 << 20)

static unsigned int floor_vmpl;
module_param_named(floor, floor_vmpl, uint, 0444);
MODULE_PARM_DESC(floor, "the guest's own VMPL, 0 to 3");

struct request {
	u32 privlevel;
	u32 size;
	u8 inblob[TSM_INBLOB_MAX];
};

struct answer_head {
	u32 error;
	u32 out_size;
	u32 aux_size;
};

/* One report at a time: the core holds a lock of its own around report_new(). */
static struct {
	struct mutex lock;
	wait_queue_head_t readers;
	struct completion answered;
	bool opened;  /* somebody serves */
	bool waiting; /* a request nobody has read yet */
	bool pending; /* a request that was read and not answered */
	struct request request;
	int error;
	u8 *out, *aux;
	u32 out_size, aux_size;
} state;

static void answer_drop(void)
{
	kvfree(state.out);
	kvfree(state.aux);
	state.out = state.aux = NULL;
	state.out_size = state.aux_size = 0;
}

static int post(const struct tsm_desc *desc)
{
	guard(mutex)(&state.lock);
	if (!state.opened)
		return -ENXIO;
	answer_drop();
	reinit_completion(&state.answered);
	state.request.privlevel = desc->privlevel;
	state.request.size = desc->inblob_len;
	memcpy(state.request.inblob, desc->inblob, sizeof(state.request.inblob));
	state.waiting = true;
	state.pending = false;
	wake_up_interruptible(&state.readers);
	return 0;
}

static int take(struct tsm_report *report)
{
	guard(mutex)(&state.lock);
	if (state.error)
		return -state.error;
	/* The core frees both. */
	report->outblob = state.out;
	report->outblob_len = state.out_size;
	report->auxblob = state.aux;
	report->auxblob_len = state.aux_size;
	state.out = state.aux = NULL;
	return 0;
}

static int sim_report_new(struct tsm_report *report, void *data)
{
	long left;
	int r = post(&report->desc);

	if (r)
		return r;
	left = wait_for_completion_killable_timeout(&state.answered, ANSWER_SECONDS * HZ);
	if (left <= 0) {
		guard(mutex)(&state.lock);
		state.waiting = state.pending = false;
		return left ? left : -ETIMEDOUT;
	}
	return take(report);
}

static bool sim_attr_visible(int n)
{
	return n == TSM_REPORT_GENERATION || n == TSM_REPORT_PROVIDER || n == TSM_REPORT_PRIVLEVEL || n == TSM_REPORT_PRIVLEVEL_FLOOR;
}

static bool sim_bin_attr_visible(int n)
{
	return n == TSM_REPORT_INBLOB || n == TSM_REPORT_OUTBLOB || n == TSM_REPORT_AUXBLOB;
}

static struct tsm_ops ops = {
	.name = "sev_guest",
	.report_new = sim_report_new,
	.report_attr_visible = sim_attr_visible,
	.report_bin_attr_visible = sim_bin_attr_visible,
};

static int device_open(struct inode *inode, struct file *file)
{
	guard(mutex)(&state.lock);
	if (state.opened)
		return -EBUSY;
	state.opened = true;
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	guard(mutex)(&state.lock);
	state.opened = false;
	if (state.waiting || state.pending) {
		state.waiting = state.pending = false;
		state.error = ENXIO;
		complete(&state.answered);
	}
	return 0;
}

static ssize_t device_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	if (size < sizeof(state.request))
		return -EINVAL;
	for (;;) {
		int r = wait_event_interruptible(state.readers, READ_ONCE(state.waiting));

		if (r)
			return r == -ERESTARTSYS ? -EINTR : r;
		guard(mutex)(&state.lock);
		if (!state.waiting)
			continue;
		if (copy_to_user(to, &state.request, sizeof(state.request)))
			return -EFAULT;
		state.waiting = false;
		state.pending = true;
		return sizeof(state.request);
	}
}

static int blob_from_user(const char __user *from, u32 size, u8 **ret)
{
	*ret = NULL;
	if (!size)
		return 0;
	*ret = vmemdup_user(from, size);
	if (IS_ERR(*ret)) {
		int r = PTR_ERR(*ret);

		*ret = NULL;
		return r;
	}
	return 0;
}

static ssize_t device_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	struct answer_head head;
	int r;

	if (size < sizeof(head))
		return -EINVAL;
	if (copy_from_user(&head, from, sizeof(head)))
		return -EFAULT;
	if (head.out_size > BLOB_MAX || head.aux_size > BLOB_MAX || size != sizeof(head) + head.out_size + head.aux_size || head.error > 4095)
		return -EINVAL;
	guard(mutex)(&state.lock);
	if (!state.pending)
		return -ESTALE;
	answer_drop();
	r = blob_from_user(from + sizeof(head), head.out_size, &state.out);
	if (!r)
		r = blob_from_user(from + sizeof(head) + head.out_size, head.aux_size, &state.aux);
	if (r) {
		answer_drop();
		return r;
	}
	state.error = head.error;
	state.out_size = head.out_size;
	state.aux_size = head.aux_size;
	state.pending = false;
	complete(&state.answered);
	return size;
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.write = device_write,
};

static struct miscdevice device = {.minor = MISC_DYNAMIC_MINOR, .name = "tsmsim", .mode = 0600, .fops = &fops};

static int __init tsmsim_init(void)
{
	int r;

	mutex_init(&state.lock);
	init_waitqueue_head(&state.readers);
	init_completion(&state.answered);
	ops.privlevel_floor = floor_vmpl;
	r = misc_register(&device);
	if (r)
		return r;
	r = tsm_register(&ops, NULL);
	if (r)
		misc_deregister(&device);
	return r;
}

static void __exit tsmsim_exit(void)
{
	tsm_unregister(&ops);
	misc_deregister(&device);
	answer_drop();
}

module_init(tsmsim_init);
module_exit(tsmsim_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test only: configfs-tsm reports from user space");
