// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fatal machine check in a page of an optimized huge page. The crash kernel must
 * find the hwpoison flag. tests/machine-check/run and tests/dumps/run start this program
 * in both kernels; the kselftest runner does not.
 *
 *   machinecheck load KERNEL INITRD   loads a crash kernel
 *   machinecheck fail KERNEL INITRD   loads a crash kernel, and asks vm/monitor for
 *                                     the machine check; does not return
 *   machinecheck find ADDRESS         in the crash kernel: checks that the struct
 *                                     page at this physical address is marked
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dimm.h"
#include "hvo.h"

#define KEXEC_ON_CRASH	2UL
#define CRASH_CMDLINE	"console=ttyS0 earlyprintk=serial oops=panic panic=-1 nokaslr " \
			"maxcpus=1 hvo.run=dump"
#define POOL		4L
#define IN_A_TAIL	200	/* its struct page is in the fourth vmemmap page */

static int load_crash_kernel(const char *kernel, const char *initrd, uint64_t head)
{
	char line[512];
	int len = snprintf(line, sizeof(line), CRASH_CMDLINE " hvo.arg=%#lx", head);

	return syscall(SYS_kexec_file_load, open(kernel, O_RDONLY), open(initrd, O_RDONLY),
		       len + 1, line, KEXEC_ON_CRASH);
}

static int load(const char *kernel, const char *initrd)
{
	CHECK(!load_crash_kernel(kernel, initrd, 0), "no crash kernel: %m");
	return KSFT_PASS;
}

static int fail(const char *kernel, const char *initrd)
{
	uint64_t pfn, ptes[1 + TAILS_2M];
	char request[64];
	char *map;

	CHECK(hvo_pool(POOL) == POOL, "no pool");
	map = hvo_map(HUGE_2M, HUGE_2M);
	CHECK(map, "no page");
	pfn = hvo_pfn(map);
	CHECK(!hvo_huge_ptes(pfn, ptes, 1 + TAILS_2M), "not mapped by PTEs");
	CHECK(!hvo_wrong_tails(ptes, TAILS_2M), "the page is not optimized");
	CHECK(!load_crash_kernel(kernel, initrd, PTE_FRAME(ptes[0]) * PAGE), "no crash kernel: %m");

	snprintf(request, sizeof(request), "machine-check %#lx", (pfn + IN_A_TAIL) * PAGE);
	ksft_print_msg("%s: %s\n", request, ask_host(request));
	sleep(60);
	CHECK(false, "no panic");
	return KSFT_FAIL;
}

/* Reads from the memory of the crashed kernel, by physical address. */
static bool read_crashed(int core, uint64_t addr, void *to, size_t size)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	ssize_t got = -1;
	int i;

	if (pread(core, &head, sizeof(head), 0) != sizeof(head))
		return false;
	for (i = 0; i < head.e_phnum; i++) {
		if (pread(core, &part, sizeof(part), head.e_phoff + i * sizeof(part)) < 0)
			return false;
		if (part.p_type == PT_LOAD && addr - part.p_paddr < part.p_filesz)
			got = pread(core, to, size, part.p_offset + addr - part.p_paddr);
	}
	return got == (ssize_t)size;
}

/* The bit number depends on the config, so read it from the vmcoreinfo note. */
static int hwpoison_bit(int core)
{
	static char notes[1 << 16];
	const char *key = "NUMBER(PG_hwpoison)=", *found;
	ssize_t size = pread(core, notes, sizeof(notes), PAGE);

	found = size > 0 ? memmem(notes, size, key, strlen(key)) : NULL;
	return found ? atoi(found + strlen(key)) : -1;
}

static int find(const char *address)
{
	int core = open("/proc/vmcore", O_RDONLY);
	int bit = hwpoison_bit(core);
	uint64_t flags;

	CHECK(core >= 0, "no /proc/vmcore");
	CHECK(bit > 0, "no note with the number of PG_hwpoison");
	CHECK(read_crashed(core, strtoul(address, NULL, 16), &flags, sizeof(flags)),
	      "not in the dump");
	CHECK(flags >> bit & 1, "the head is not marked: flags %#lx", flags);
	return KSFT_PASS;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "load"))
		return load(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "fail"))
		return fail(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "find"))
		return find(argv[2]);
	return KSFT_FAIL;
}
