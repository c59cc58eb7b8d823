// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU plugin that feeds every data access of a guest, between the marks of a
 * workload, to models of TLBs. Each CPU given by cpu= has three of them: for a vmemmap
 * mapped by 2 MiB pages, by 4 KiB pages, and as the guest maps it. So all of them see
 * the same accesses. The guest must have one processor, no KASLR, and no LA57.
 *
 * Page-table walks do not count as accesses, instruction fetches are not modeled, and
 * nothing is ever flushed: the kernel's mappings are global.
 *
 * Until the first mark only marks have a callback: with callbacks for all accesses,
 * booting would take most of the time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "window.h"
#include "mark.h"
#include "qemu.h"
#include "tlb.h"

#define DIRECT_MAP	0xffff888000000000UL
#define DIRECT_MAP_END	0xffffc88000000000UL
#define VMEMMAP		0xffffea0000000000UL
#define VMEMMAP_END	0xffffeb0000000000UL
#define KERNEL_IMAGE	0xffffffff80000000UL
#define KERNEL_IMAGE_END	0xffffffffa0000000UL
#define MAX_CPUS	8
#define MAX_PMDS	(1U << 16)	/* of the vmemmap: 8 TiB of memory */

enum mapping { BY_2M, BY_4K, AS_IS, MAPPINGS };

static const char * const mapping_names[] = { "pmd", "pte", "as_is" };

/* Only misses of the kernel are reported; programs just compete for entries. */
enum mode { USER, KERNEL, MODES };

static struct {
	const char *name;
	bool apart;		/* as if no two pages were adjacent */
	struct tlb *tlbs[MAPPINGS];
	struct tlb_counts counts[MAPPINGS][MODES];
} models[MAX_CPUS];
static unsigned int nr_models;

static uint8_t pmds[MAX_PMDS];		/* enum window_pmd, as reported by the guest */
static bool is_awake, is_open, is_map;
static qemu_plugin_id_t plugin;
static unsigned int nr_windows;
static uint64_t kernel_instructions, kernel_accesses, vmemmap_accesses;
static FILE *out;

static bool is_kernel(uint64_t addr)
{
	return addr >> 63;
}

static bool is_vmemmap(uint64_t addr)
{
	return addr >= VMEMMAP && addr < VMEMMAP_END;
}

/* The page size of addresses outside the vmemmap */
static enum tlb_page page_of(uint64_t addr)
{
	return (addr >= DIRECT_MAP && addr < DIRECT_MAP_END) ||
	       (addr >= KERNEL_IMAGE && addr < KERNEL_IMAGE_END) ? TLB_2M : TLB_4K;
}

/* The page size of the address in @mapping */
static enum tlb_page page_in(enum mapping mapping, uint64_t addr, enum window_pmd pmd)
{
	if (!is_vmemmap(addr))
		return page_of(addr);
	if (mapping == AS_IS)
		return pmd == WINDOW_PMD_LEAF ? TLB_2M : TLB_4K;
	return mapping == BY_2M ? TLB_2M : TLB_4K;
}

static void show(uint64_t addr, enum mode mode)
{
	enum window_pmd pmd = pmds[(addr - VMEMMAP) / WINDOW_PMD_SIZE % MAX_PMDS];
	bool adjacent = is_vmemmap(addr) && pmd != WINDOW_PMD_TAILS;
	enum mapping mapping;
	unsigned int i;

	for (i = 0; i < nr_models; i++)
		for (mapping = 0; mapping < MAPPINGS; mapping++)
			tlb_access(models[i].tlbs[mapping], &models[i].counts[mapping][mode], addr,
				   page_in(mapping, addr, pmd), adjacent && !models[i].apart);
}

static void on_access(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t addr, void *data)
{
	uint64_t last = addr + (1UL << qemu_plugin_mem_size_shift(info)) - 1;
	uint64_t told = addr - WINDOW_MAP_BASE;
	enum mode mode = (uintptr_t)data;

	(void)vcpu;
	if (is_map && told / WINDOW_PMD_KINDS < MAX_PMDS)
		pmds[told / WINDOW_PMD_KINDS] = told % WINDOW_PMD_KINDS;
	if (!is_open)
		return;
	kernel_accesses += mode == KERNEL;
	vmemmap_accesses += is_vmemmap(addr);
	show(addr, mode);
	if (last >> 12 != addr >> 12)
		show(last, mode);
}

static void on_kernel_block(unsigned int vcpu, void *data)
{
	(void)vcpu;
	if (is_open)
		kernel_instructions += (uintptr_t)data;
}

static void open_window(void)
{
	unsigned int i;

	kernel_instructions = 0;
	kernel_accesses = 0;
	vmemmap_accesses = 0;
	for (i = 0; i < nr_models; i++)
		memset(models[i].counts, 0, sizeof(models[i].counts));
	is_open = true;
}

static void print_counts(const char *name, const struct tlb_counts *counts, const char *end)
{
	fprintf(out, "\"%s\": {\"l1_misses\": %" PRIu64 ", \"walks\": %" PRIu64
		", \"reads\": %" PRIu64 "}%s", name, counts->l1_misses, counts->walks,
		counts->reads, end);
}

static void close_window(void)
{
	unsigned int i, mapping;

	is_open = false;
	fprintf(out, "%s\n{\"kernel_instructions\": %" PRIu64 ", \"kernel_accesses\": %" PRIu64
		", \"vmemmap_accesses\": %" PRIu64 ", \"cpus\": {", nr_windows++ ? "," : "",
		kernel_instructions, kernel_accesses, vmemmap_accesses);
	for (i = 0; i < nr_models; i++) {
		fprintf(out, "%s\"%s\": {", i ? ", " : "", models[i].name);
		for (mapping = 0; mapping < MAPPINGS; mapping++)
			print_counts(mapping_names[mapping], &models[i].counts[mapping][KERNEL],
				     mapping + 1 < MAPPINGS ? ", " : "}");
	}
	fprintf(out, "}}");
	fflush(out);
}

static void register_callbacks(qemu_plugin_id_t id);

/*
 * Has all code translated again, with callbacks. They are never removed again: QEMU 7.2
 * may keep a pointer to the callback of the last access, and only code with callbacks
 * renews it.
 */
static void wake_up(void)
{
	is_awake = true;
	qemu_plugin_reset(plugin, register_callbacks);
}

static void on_mark(unsigned int vcpu, void *data)
{
	uint32_t mark = (uintptr_t)data;

	(void)vcpu;
	if (!is_awake)
		wake_up();
	is_map = mark == WINDOW_MAP;
	if (is_map)
		memset(pmds, WINDOW_PMD_LEAF, sizeof(pmds));
	else if (mark == WINDOW_OPENS)
		open_window();
	else if (mark == WINDOW_CLOSES && is_open)
		close_window();
}

static void watch_accesses(struct qemu_plugin_tb *tb, bool kernel)
{
	size_t i, nr = qemu_plugin_tb_n_insns(tb);

	if (kernel)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_kernel_block, QEMU_PLUGIN_CB_NO_REGS,
						     (void *)nr);
	for (i = 0; i < nr; i++)
		qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), on_access,
						 QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
						 (void *)(uintptr_t)kernel);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	bool kernel = is_kernel(qemu_plugin_tb_vaddr(tb));

	(void)id;
	if (is_awake)
		watch_accesses(tb, kernel);
	if (!kernel)
		watch_marks(tb, on_mark);
}

static void register_callbacks(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, end_windows, out);
}

/* "zen4" is a CPU of the table, "zen4-apart" the same without adjacent pages. */
static bool add_model(const char *name)
{
	const char *suffix = strchr(name, '-');
	size_t length = suffix ? (size_t)(suffix - name) : strlen(name);
	unsigned int i, mapping;

	for (i = 0; i < tlb_nr_cpus; i++)
		if (!strncmp(tlb_cpus[i].name, name, length) && !tlb_cpus[i].name[length])
			break;
	if (suffix && strcmp(suffix, "-apart"))
		i = tlb_nr_cpus;
	if (i == tlb_nr_cpus || nr_models == MAX_CPUS) {
		fprintf(stderr, "tlb-sim: unknown CPU '%s', or too many CPUs\n", name);
		return false;
	}
	models[nr_models].name = strdup(name);
	models[nr_models].apart = suffix;
	for (mapping = 0; mapping < MAPPINGS; mapping++) {
		models[nr_models].tlbs[mapping] = tlb_new(&tlb_cpus[i]);
		if (!models[nr_models].tlbs[mapping])
			return false;
	}
	nr_models++;
	return true;
}

/* 1 for QEMU 7.2; QEMU 10 requires at least 2. */
#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION 1
#endif
VISIBLE int qemu_plugin_version = PLUGIN_VERSION;

VISIBLE int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else if (strncmp(argv[i], "cpu=", 4) || !add_model(argv[i] + 4))
			return -1;
	}
	if (!out || !nr_models) {
		fprintf(stderr, "tlb-sim: out=FILE and cpu=NAME are required\n");
		return -1;
	}
	fprintf(out, "[");
	plugin = id;
	register_callbacks(id);
	return 0;
}
