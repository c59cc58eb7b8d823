// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unprivileged user can use optimized pages, but not change their vmemmap. Each
 * attack runs as such a user, on 4 KiB subpages of huge pages. Afterwards the tails
 * must still be read-only, shared and unchanged.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

#define NOBODY		65534
#define PAGES		4L
#define MIDDLE		(HUGE_2M / 2 + 5 * PAGE)
#define SEED		3
#define DISK		"/dev/ram0"
#define MOUNT		"/dev/hugepages"
#define MPOL_MF_MOVE	2
#define MPOL_MF_MOVE_ALL 4

/* Dumpable, like any program this user starts, so that it owns its /proc/self. */
static bool become_nobody(void)
{
	return !setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) &&
		!setresuid(NOBODY, NOBODY, NOBODY) && !prctl(PR_SET_DUMPABLE, 1);
}

/* Runs @body as an unprivileged user; returns its result, or -1. */
static int as_nobody(int (*body)(char *map), char *map)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(become_nobody() ? body(map) : 100);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#define SYSCTLS	2
static const char * const sysctls[SYSCTLS] = { SYSCTL_OPTIMIZE, SYSCTL_SEAL };
static int sysctl_fds[SYSCTLS];

/* Writing to a descriptor that root has opened must fail too. */
static int write_to_sysctls(char *unused)
{
	int i;

	(void)unused;
	for (i = 0; i < SYSCTLS; i++) {
		if (hvo_write(sysctls[i], 1) != -EACCES || hvo_write(sysctls[i], 0) != -EACCES)
			return 1;
		if (write(sysctl_fds[i], "1", 1) != -1 || errno != EPERM)
			return 2;
	}
	return 0;
}

static int sysctls_are_for_root(void)
{
	long optimize = hvo_read(SYSCTL_OPTIMIZE), seal = hvo_read(SYSCTL_SEAL);
	struct stat st;
	int i, ret;

	for (i = 0; i < SYSCTLS; i++) {
		CHECK(!stat(sysctls[i], &st) && (st.st_mode & 07777) == 0644, "%s has mode %o",
		      sysctls[i], st.st_mode);
		CHECK(!st.st_uid && !st.st_gid, "%s is not root's", sysctls[i]);
		sysctl_fds[i] = open(sysctls[i], O_WRONLY);
		CHECK(sysctl_fds[i] >= 0, "%s", strerror(errno));
	}
	ret = as_nobody(write_to_sysctls, NULL);
	CHECK(!ret, "not refused for an unprivileged user, in step %d", ret);
	CHECK(hvo_read(SYSCTL_OPTIMIZE) == optimize && hvo_read(SYSCTL_SEAL) == seal, "changed");
	return KSFT_PASS;
}

static glob_t our_files;

static void find_our_files(void)
{
	glob(HVO_SYSFS "*", 0, NULL, &our_files);
	glob("/proc/sys/vm/hugetlb_*vmemmap*", GLOB_APPEND, NULL, &our_files);
}

/* Not even root can write to sysfs files, although mode bits do not stop root. */
static int sysfs_is_read_only(void)
{
	struct stat st;
	char *path;
	size_t i;

	CHECK(our_files.gl_pathc == HVO_SYSFS_FILES + SYSCTLS, "%zu files", our_files.gl_pathc);
	for (i = 0; i < our_files.gl_pathc; i++) {
		path = our_files.gl_pathv[i];
		if (strncmp(path, HVO_SYSFS, strlen(HVO_SYSFS)))
			continue;
		CHECK(!stat(path, &st) && (st.st_mode & 07777) == 0444, "%s: %o", path,
		      st.st_mode);
		CHECK(hvo_write(path, 0) == -EACCES, "%s was opened for writing", path);
	}
	return KSFT_PASS;
}

/* Anything that could be a kernel address, in hexadecimal or decimal */
static bool has_address(const char *text)
{
	size_t hex;

	for (; *text; text += hex ? hex : 1) {
		hex = strspn(text, "0123456789abcdefABCDEF");
		if (hex >= 12 || strtoull(text, NULL, 10) >> 47)
			return true;
	}
	return false;
}

/* 0, or the number (from 1) of a file that cannot be read or shows an address */
static int read_our_files(char *unused)
{
	char text[4096];
	size_t i;

	(void)unused;
	for (i = 0; i < our_files.gl_pathc; i++)
		if (hvo_read_word(our_files.gl_pathv[i], text, sizeof(text)) || has_address(text))
			return i + 1;
	return 0;
}

static int no_file_tells_an_address(void)
{
	int bad;

	CHECK(has_address("at 0xffffea0000000000") && has_address("ffffea00001c") &&
	      has_address("18446719884453740544") && !has_address("28672 on, 0x7ffff"),
	      "has_address() is wrong");
	hvo_pool(10);
	bad = read_our_files(NULL);
	CHECK(!bad, "%s, read by root", our_files.gl_pathv[bad - 1]);
	bad = as_nobody(read_our_files, NULL);
	CHECK(!bad, "%s, read by an unprivileged user", our_files.gl_pathv[bad - 1]);
	return KSFT_PASS;
}

/* KASLR chooses both default addresses about once in a million boots. */
static int kernel_is_where_it_likes(void)
{
	char value[8];

	NEED(!hvo_cmdline("nokaslr", value, sizeof(value)), "booted with nokaslr");
	CHECK(hvo_symbol("_text") != 0xffffffff81000000UL ||
	      (hvo_vmemmap_base() != 0xffffea0000000000UL &&
	       hvo_vmemmap_base() != 0xffd4000000000000UL), "all addresses are defaults");
	return KSFT_PASS;
}

/* --- attacks: return 0, or the number of an unexpected step --------------- */

/* With O_DIRECT the driver of the disk writes to the 4 KiB page itself. */
static int read_disk_into(char *map)
{
	int fd = open(DISK, O_RDWR | O_DIRECT);

	if (fd < 0 || pwrite(fd, map + MIDDLE, 2 * PAGE, 0) != 2 * PAGE)
		return 1;
	if (pread(fd, map + MIDDLE + 8 * PAGE, 2 * PAGE, 0) != 2 * PAGE)
		return 2;
	return memcmp(map + MIDDLE, map + MIDDLE + 8 * PAGE, 2 * PAGE) != 0;
}

static int read_disk_by_aio(char *map)
{
	int fd = open(DISK, O_RDWR | O_DIRECT);
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd,
		.aio_buf = (uintptr_t)(map + MIDDLE), .aio_nbytes = 3 * PAGE,
	};
	struct iocb *cbs = &cb;
	aio_context_t context = 0;
	struct io_event event;

	if (syscall(SYS_io_setup, 4, &context) || syscall(SYS_io_submit, context, 1, &cbs) != 1)
		return 1;
	if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
		return 2;
	return event.res != 3 * PAGE;
}

static int splice_in_and_out(char *map)
{
	struct iovec from = { map + MIDDLE, 3 * PAGE };
	struct iovec to = { map + HUGE_2M + MIDDLE, 3 * PAGE };
	int ends[2], ends2[2];

	if (pipe(ends) || pipe(ends2))
		return 1;
	if (vmsplice(ends[1], &from, 1, SPLICE_F_GIFT) != 3 * PAGE)
		return 2;
	if (tee(ends[0], ends2[1], 3 * PAGE, 0) != 3 * PAGE)
		return 3;
	if (vmsplice(ends[0], &to, 1, 0) != 3 * PAGE)
		return 4;
	return memcmp(from.iov_base, to.iov_base, 3 * PAGE) != 0;
}

static int write_from_process(char *map)
{
	struct iovec from = { map + MIDDLE, 2 * PAGE };
	struct iovec to = { map + HUGE_2M - PAGE, 2 * PAGE };

	if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) != 2 * PAGE)
		return 1;
	return process_vm_readv(getpid(), &from, 1, &to, 1, 0) != 2 * PAGE;
}

static int write_proc_mem(char *map)
{
	int fd = open("/proc/self/mem", O_RDWR);
	char text[] = "through the back door";

	if (fd < 0 || mprotect(map, HUGE_2M, PROT_READ))
		return 10;
	/* FOLL_FORCE must not override the protection of a shared mapping */
	if (pwrite(fd, text, sizeof(text), (uintptr_t)map + MIDDLE) != -1)
		return 1;
	if (pwrite(fd, text, sizeof(text), (uintptr_t)map + HUGE_2M + MIDDLE) != sizeof(text))
		return 2;
	return strcmp(map + HUGE_2M + MIDDLE, text) != 0;
}

static int lock_and_unlock(char *map)
{
	if (mlock(map + MIDDLE, PAGE) || munlock(map + MIDDLE, PAGE))
		return 1;
	/* a part of a huge page cannot be unmapped or moved */
	if (!munmap(map + MIDDLE, PAGE) ||
	    mremap(map + MIDDLE, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
		return 2;
	return 0;
}

static int copy_on_write(char *unused)
{
	char *map = hvo_map(HUGE_2M, HUGE_2M);
	int status;

	(void)unused;
	if (!map)
		return 1;
	hvo_fill(map, HUGE_2M, 8);
	if (!fork()) {
		map[MIDDLE]++;
		_exit(0);
	}
	return wait(&status) < 0 || status || !hvo_filled(map, HUGE_2M, 8);
}

static const struct {
	int advice, error;
} refused[] = {
	{ MADV_HWPOISON, EPERM }, { 101 /* soft offline */, EPERM }, { MADV_FREE, EINVAL },
	{ MADV_DONTNEED, EINVAL }, { 20 /* cold */, EINVAL }, { 21 /* pageout */, EINVAL },
};

static int advise(char *map)
{
	size_t i;
	int advice;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (!madvise(map + MIDDLE, PAGE, refused[i].advice) ||
		    errno != refused[i].error)
			return i + 1;
	for (advice = 0; advice < 110; advice++)
		madvise(map + MIDDLE, PAGE, advice);
	/* a hole in a part of a huge page only clears that part */
	return madvise(map + HUGE_2M + MIDDLE, PAGE, MADV_REMOVE) ? 50 :
		map[HUGE_2M + MIDDLE] != 0;
}

static int move(char *map)
{
	void *page = map + MIDDLE;
	int node = 0, status;

	if (syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, MPOL_MF_MOVE))
		return 1;
	return syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, MPOL_MF_MOVE_ALL) != -1 ||
		errno != EPERM;
}

/* The memory is shared, so the key of the futex depends on the 4 KiB page. */
static int wait_on_futex(char *map)
{
	struct timespec soon = { .tv_nsec = 1000000 };
	uint32_t *word = (uint32_t *)(map + MIDDLE), *other = word + 1;

	*word = 1;
	if (syscall(SYS_futex, word, FUTEX_WAIT, 1, &soon, NULL, 0) != -1 || errno != ETIMEDOUT)
		return 1;
	if (syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0))
		return 2;
	return syscall(SYS_futex, word, FUTEX_REQUEUE, 1, 1UL, other, 0) != 0;
}

static int fault_by_hand(char *source)
{
	char *map = mmap(NULL, HUGE_2M, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	int fd = syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { (uintptr_t)map, HUGE_2M },
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_copy copy = { .dst = (uintptr_t)map, .src = (uintptr_t)source,
				    .len = HUGE_2M, .mode = UFFDIO_COPY_MODE_WP };
	struct uffdio_writeprotect part = { .range = { (uintptr_t)map + MIDDLE, PAGE } };

	if (map == MAP_FAILED || fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	if (ioctl(fd, UFFDIO_REGISTER, &area) || ioctl(fd, UFFDIO_COPY, &copy))
		return 2;
	if (memcmp(map, source, HUGE_2M) || !ioctl(fd, UFFDIO_WRITEPROTECT, &part))
		return 3;
	return ioctl(fd, UFFDIO_UNREGISTER, &area.range) != 0;
}

static int use_files(char *unused)
{
	int fd = open(MOUNT "/nobody", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *map, text[16];

	(void)unused;
	if (fd < 0 || ftruncate(fd, HUGE_2M))
		return 1;
	map = mmap(NULL, HUGE_2M, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 2;
	snprintf(map + MIDDLE, 16, "in a file");
	if (pread(fd, text, 16, MIDDLE) != 16 || strcmp(text, "in a file"))
		return 3;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MIDDLE, PAGE) ||
	    map[MIDDLE] || ftruncate(fd, 0) || unlink(MOUNT "/nobody"))
		return 4;
	/* SHM_HUGETLB is only for the group in vm.hugetlb_shm_group */
	return shmget(IPC_PRIVATE, HUGE_2M, SHM_HUGETLB | IPC_CREAT | 0600) != -1;
}

/* --- state that must not have changed ------------------------------------- */

#define FIRST_TAIL	4	/* behind struct folio */
#define WORDS		((PAGE / STRUCT_PAGE - FIRST_TAIL) * STRUCT_PAGE / 8)

struct witness {
	uint64_t ptes[1 + TAILS_2M];
	uint64_t tails[WORDS];
	uint64_t flags[512], counts[512];
	unsigned long tail_kib;
};

/* KPF_REFERENCED, KPF_UPTODATE, KPF_DIRTY: normal use changes them in the head. */
#define HEAD_FLAGS	(1UL << 2 | 1UL << 3 | 1UL << 4)

static bool read_kpage(const char *path, uint64_t pfn, uint64_t *values, uint64_t mask)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = pread(fd, values, 512 * 8, pfn * 8);
	int i;

	for (i = 0; i < 512; i++)
		values[i] &= mask;
	close(fd);
	return len == 512 * 8;
}

/* Reads through the third tail vmemmap page, which maps a shared page. */
static bool take_witness(const char *map, struct witness *seen)
{
	uint64_t pfn = hvo_pfn(map);
	unsigned long addr = hvo_vmemmap_base() + pfn * STRUCT_PAGE + 3 * PAGE;
	unsigned long i;

	addr += FIRST_TAIL * STRUCT_PAGE;
	for (i = 0; i < WORDS; i++)
		seen->tails[i] = hvo_kernel_word(addr + i * 8);
	if (!pfn || hvo_huge_ptes(pfn, seen->ptes, 1 + TAILS_2M))
		return false;
	seen->tail_kib = hvo_tail_kib();
	return read_kpage("/proc/kpageflags", pfn, seen->flags, ~HEAD_FLAGS) &&
		read_kpage("/proc/kpagecount", pfn, seen->counts, -1UL);
}

/* The head changes in normal use. Only tails are behind its vmemmap page. */
static int unchanged(const struct witness *before, const struct witness *after)
{
	const size_t tails = PAGE / STRUCT_PAGE, size = (512 - tails) * 8;
	int i;

	CHECK(!hvo_wrong_tails(after->ptes, TAILS_2M), "%d tail pages",
	      hvo_wrong_tails(after->ptes, TAILS_2M));
	for (i = 1; i <= TAILS_2M; i++)
		CHECK(PTE_FRAME(after->ptes[i]) == PTE_FRAME(before->ptes[i]),
		      "tail page %d was replaced", i);
	CHECK(PTE_FRAME(after->ptes[0]) == PTE_FRAME(before->ptes[0]), "head page replaced");
	CHECK(before->tails[1], "no struct page was read");
	CHECK(!memcmp(before->tails, after->tails, sizeof(before->tails)), "tails were written");
	CHECK(!memcmp(before->flags + tails, after->flags + tails, size), "flags changed");
	CHECK(!memcmp(before->counts + tails, after->counts + tails, size), "counts changed");
	CHECK(after->tail_kib == (unsigned long)hvo_saved_kib(),
	      "%lu KiB are tails", after->tail_kib);
	return KSFT_PASS;
}

/* MAP_SHARED, so that root can examine the pages that the user has changed. */
static int attack(int (*body)(char *map))
{
	static struct witness before, after;
	bool seen, whole;
	int ret, verdict;
	char *map;

	NEED(hvo_optimizing(), "pages are not being optimized");
	CHECK(hvo_pool(2 * PAGES) == 2 * PAGES, "no pool");
	map = mmap(NULL, PAGES * HUGE_2M, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	hvo_fill(map + 2 * HUGE_2M, 2 * HUGE_2M, SEED);
	seen = take_witness(map, &before);
	ret = as_nobody(body, map);
	seen &= take_witness(map, &after);
	whole = hvo_filled(map + 2 * HUGE_2M, 2 * HUGE_2M, SEED);
	munmap(map, PAGES * HUGE_2M);
	CHECK(seen, "cannot read the state of the page");
	verdict = unchanged(&before, &after);
	CHECK(whole, "content of other pages changed");
	CHECK(!ret, "unexpected result in step %d", ret);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	return verdict;
}

#define ATTACK(body)				\
static int tails_survive_##body(void)		\
{						\
	return attack(body);			\
}

ATTACK(read_disk_into)
ATTACK(read_disk_by_aio)
ATTACK(splice_in_and_out)
ATTACK(write_from_process)
ATTACK(write_proc_mem)
ATTACK(lock_and_unlock)
ATTACK(copy_on_write)
ATTACK(advise)
ATTACK(move)
ATTACK(wait_on_futex)
ATTACK(fault_by_hand)
ATTACK(use_files)

static const struct hvo_case cases[] = {
	HVO_CASE(sysctls_are_for_root),
	HVO_CASE(sysfs_is_read_only),
	HVO_CASE(no_file_tells_an_address),
	HVO_CASE(kernel_is_where_it_likes),
	HVO_CASE(tails_survive_read_disk_into),
	HVO_CASE(tails_survive_read_disk_by_aio),
	HVO_CASE(tails_survive_splice_in_and_out),
	HVO_CASE(tails_survive_write_from_process),
	HVO_CASE(tails_survive_write_proc_mem),
	HVO_CASE(tails_survive_lock_and_unlock),
	HVO_CASE(tails_survive_copy_on_write),
	HVO_CASE(tails_survive_advise),
	HVO_CASE(tails_survive_move),
	HVO_CASE(tails_survive_wait_on_futex),
	HVO_CASE(tails_survive_fault_by_hand),
	HVO_CASE(tails_survive_use_files),
};

int main(void)
{
	find_our_files();
	/* access that an unprivileged user may have on such a machine */
	chmod(DISK, 0666);
	chmod(MOUNT, 01777);
	HVO_RUN(cases);
}
