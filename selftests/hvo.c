// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hvo.h"

const char *hvo_why;

static void empty_pools(void)
{
	hvo_write(POOL_2M "nr_overcommit_hugepages", 0);
	hvo_write(POOL_1G "nr_hugepages", 0);
	hvo_write(POOL_2M "nr_hugepages", 0);
}

void hvo_run(const struct hvo_case *cases, unsigned int nr, bool empty)
{
	unsigned int i;
	int verdict;

	ksft_print_header();
	ksft_set_plan(nr);
	for (i = 0; i < nr; i++) {
		if (empty)
			empty_pools();
		verdict = cases[i].run();
		if (verdict == KSFT_SKIP)
			ksft_test_result_skip("%s: %s\n", cases[i].name, hvo_why);
		else
			ksft_test_result(verdict == KSFT_PASS, "%s\n", cases[i].name);
	}
	if (empty)
		empty_pools();
	ksft_finished();
}

int hvo_read_word(const char *path, char *word, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, word, size - 1);
	close(fd);
	if (len < 0)
		return -EIO;
	word[len] = 0;
	word[strcspn(word, "\n")] = 0;
	return 0;
}

long hvo_read(const char *path)
{
	char text[64], *end;
	long value;

	if (hvo_read_word(path, text, sizeof(text)))
		return -1;
	value = strtol(text, &end, 10);
	return *end || end == text ? -1 : value;
}

int hvo_write_str(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int hvo_write(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return hvo_write_str(path, text);
}

long hvo_keyed(const char *path, const char *key)
{
	char line[256], name[128];
	FILE *file = fopen(path, "r");
	long value, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%127s %ld", name, &value) == 2 && !strcmp(name, key))
			found = value;
	if (file)
		fclose(file);
	return found;
}

bool hvo_mode_is(const char *mode)
{
	char word[16];

	return !hvo_read_word(HVO_SYSFS "mode", word, sizeof(word)) &&
		!strcmp(word, mode);
}

bool hvo_base_mapped(void)
{
	return hvo_mode_is("on") || hvo_mode_is("boot");
}

bool hvo_optimizing(void)
{
	return hvo_read(SYSCTL_OPTIMIZE) == 1 && hvo_mode_is("on");
}

bool hvo_cmdline(const char *name, char *value, size_t size)
{
	char line[2048], *word, *save;
	size_t len = strlen(name);

	if (hvo_read_word("/proc/cmdline", line, sizeof(line)))
		return false;
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (strncmp(word, name, len) || (word[len] && word[len] != '='))
			continue;
		snprintf(value, size, "%s", word[len] ? word + len + 1 : "");
		return true;
	}
	return false;
}

long hvo_pool(long pages)
{
	int ret = hvo_write(POOL_2M "nr_hugepages", pages);

	return ret ? ret : hvo_read(POOL_2M "nr_hugepages");
}

/* A write does not count surplus pages, so write the current number first. */
long hvo_empty_pool(void)
{
	hvo_pool(hvo_read(POOL_2M "nr_hugepages"));
	return hvo_pool(0);
}

/* Pages from memblock and from the page allocator have separate counters. */
long hvo_vmemmap_pages(void)
{
	return hvo_vmstat("nr_memmap_pages") + hvo_vmstat("nr_memmap_boot_pages");
}

long hvo_saved_kib(void)
{
	return hvo_read(HVO_SYSFS "saved_kb");
}

long hvo_optimized(void)
{
	long kib = hvo_saved_kib();

	return kib < 0 || kib % SAVED_2M ? -1 : kib / SAVED_2M;
}

long hvo_whole_vmemmap(void)
{
	return hvo_vmemmap_pages() + hvo_saved_kib() / 4;
}

long hvo_free_kib(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	long pages, kib = hvo_meminfo("MemFree");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &pages) == 1)
			kib += pages * 4;
	if (file)
		fclose(file);
	return kib;
}

void *hvo_map(size_t size, size_t page_size)
{
	int shift = page_size == HUGE_1G ? 30 : 21;
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE |
			  shift << MAP_HUGE_SHIFT, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

uint64_t hvo_pfn(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)addr / PAGE * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry & ((1UL << 55) - 1);
}

/* Opens the page-table dump at the vmemmap. */
static FILE *open_dump(void)
{
	FILE *dump = fopen("/sys/kernel/debug/page_tables/kernel", "r");
	char line[256];

	while (dump && fgets(line, sizeof(line), dump))
		if (!strncmp(line, "---", 3) && strstr(line, "Vmemmap"))
			return dump;
	if (dump)
		fclose(dump);
	return NULL;
}

/*
 * A line of the dump: "start-end  size  flags...  level". Holes have no flags.
 * Kernel mappings always have GLB.
 */
static bool next_range(FILE *dump, struct hvo_range *range)
{
	char line[256];

	while (fgets(line, sizeof(line), dump) && strncmp(line, "---", 3)) {
		if (!strstr(line, "GLB") ||
		    sscanf(line, "0x%lx-0x%lx", &range->start, &range->end) != 2)
			continue;
		range->leaf_pmd = strstr(line, "PSE") != NULL;
		range->read_only = strstr(line, " ro ") != NULL;
		return true;
	}
	return false;
}

int hvo_vmemmap_ranges(struct hvo_range *ranges, int max)
{
	FILE *dump = open_dump();
	int nr = 0;

	while (dump && nr < max && next_range(dump, &ranges[nr]))
		nr++;
	if (dump)
		fclose(dump);
	return nr;
}

/* Counts one table for each 2 MiB with a PTE; ranges are in ascending order. */
long hvo_table_kib(void)
{
	unsigned long area, last = 0;
	FILE *dump = open_dump();
	struct hvo_range range;
	long tables = -1;

	while (dump && next_range(dump, &range)) {
		if (tables < 0)
			tables = 0;
		if (range.leaf_pmd)
			continue;
		for (area = range.start / HUGE_2M; area * HUGE_2M < range.end; area++) {
			tables += area != last;
			last = area;
		}
	}
	if (dump)
		fclose(dump);
	return tables < 0 ? -1 : tables * 4;
}

unsigned long hvo_vmemmap_base(void)
{
	static struct hvo_range first;

	if (!first.start)
		hvo_vmemmap_ranges(&first, 1);
	return first.start;
}

unsigned long hvo_symbol(const char *name)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[256], found[128], type;
	unsigned long addr, result = 0;

	while (file && !result && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx %c %127s", &addr, &type, found) == 3 &&
		    !strcmp(found, name))
			result = addr;
	if (file)
		fclose(file);
	return result;
}

static int kcore = -1;
static Elf64_Phdr phdrs[64];
static int nr_phdrs;

void hvo_memory_changed(void)
{
	if (kcore >= 0)
		close(kcore);
	kcore = -1;
}

static bool open_kcore(void)
{
	Elf64_Ehdr header;

	hvo_memory_changed();
	kcore = open("/proc/kcore", O_RDONLY);
	if (kcore < 0 || pread(kcore, &header, sizeof(header), 0) != sizeof(header))
		return false;
	nr_phdrs = header.e_phnum < 64 ? header.e_phnum : 64;
	return pread(kcore, phdrs, nr_phdrs * sizeof(phdrs[0]), header.e_phoff) > 0;
}

static uint64_t kcore_word(unsigned long addr, bool physical)
{
	unsigned long start;
	uint64_t word = 0;
	int i;

	for (i = 0; i < nr_phdrs; i++) {
		start = physical ? phdrs[i].p_paddr : phdrs[i].p_vaddr;
		if (phdrs[i].p_type != PT_LOAD || start == -1UL ||
		    addr < start || addr - start >= phdrs[i].p_memsz)
			continue;
		if (pread(kcore, &word, 8, phdrs[i].p_offset + addr - start) == 8)
			return word;
	}
	return 0;
}

uint64_t hvo_kernel_word(unsigned long addr)
{
	return kcore >= 0 || open_kcore() ? kcore_word(addr, false) : 0;
}

/* The address of the vmemmap does not tell: KASLR may move it up to where four levels begin. */
static bool five_levels(void)
{
	unsigned long enabled = hvo_symbol("__pgtable_l5_enabled");

	return enabled && (uint32_t)kcore_word(enabled, false);
}

/* Walks the tables from the top, like the hardware. */
uint64_t hvo_vmemmap_pte(unsigned long addr)
{
	static unsigned long top_table;
	static int top_shift;
	uint64_t entry;
	int shift;

	if (kcore < 0 && !open_kcore())
		return 0;
	if (!top_table) {
		top_table = hvo_symbol("init_top_pgt");
		top_shift = five_levels() ? 48 : 39;
	}
	shift = top_shift;
	entry = kcore_word(top_table + (addr >> shift & 511) * 8, false);
	for (shift -= 9; shift >= 12; shift -= 9) {
		if (!(entry & 1) || entry & 0x80)
			return 0;
		entry = kcore_word((PTE_FRAME(entry) << 12) + (addr >> shift & 511) * 8, true);
	}
	return entry & 1 ? entry : 0;
}

int hvo_huge_ptes(uint64_t pfn, uint64_t *ptes, int nr)
{
	unsigned long addr = hvo_vmemmap_base() + pfn * STRUCT_PAGE;
	int i;

	for (i = 0; i < nr; i++) {
		ptes[i] = hvo_vmemmap_pte(addr + i * PAGE);
		if (!ptes[i])
			return -1;
	}
	return 0;
}

bool hvo_fake_heads(void)
{
	static int known = -1;

	if (known < 0)
		known = hvo_symbol("hugetlb_optimize_vmemmap_key") != 0;
	return known;
}

int hvo_wrong_tails(const uint64_t *ptes, int tails)
{
	bool fake_heads = hvo_fake_heads();
	int i, wrong = 0;

	for (i = 1; i <= tails; i++)
		wrong += !(ptes[i] & PTE_RW) != fake_heads ||
			PTE_FRAME(ptes[i]) != PTE_FRAME(ptes[!fake_heads]) ||
			(PTE_FRAME(ptes[i]) == PTE_FRAME(ptes[0])) != fake_heads;
	return wrong;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static unsigned long mapped_more_than_once(uint64_t *frames, unsigned long nr)
{
	unsigned long i, pages = 0;

	qsort(frames, nr, sizeof(frames[0]), compare);
	for (i = 0; i < nr; i++)
		pages += (i && frames[i] == frames[i - 1]) ||
			(i + 1 < nr && frames[i] == frames[i + 1]);
	return pages;
}

unsigned long hvo_tail_kib(void)
{
	static uint64_t frames[1 << 17];	/* for 32 GiB */
	unsigned long read_only = 0, nr = 0, addr;
	FILE *dump = open_dump();
	struct hvo_range range;

	while (dump && next_range(dump, &range)) {
		read_only += range.read_only ? (range.end - range.start) / PAGE : 0;
		for (addr = range.start; !hvo_fake_heads() && !range.leaf_pmd &&
		     addr < range.end && nr < 1 << 17; addr += PAGE)
			frames[nr++] = PTE_FRAME(hvo_vmemmap_pte(addr));
	}
	if (dump)
		fclose(dump);
	return (hvo_fake_heads() ? read_only : mapped_more_than_once(frames, nr)) * (PAGE >> 10);
}

bool hvo_shares_tails(uint64_t pfn, int tails)
{
	unsigned long addr = hvo_vmemmap_base() + pfn * STRUCT_PAGE;
	uint64_t head = hvo_vmemmap_pte(addr), first = hvo_vmemmap_pte(addr + PAGE);
	uint64_t last = hvo_vmemmap_pte(addr + tails * PAGE);

	return head && first && PTE_FRAME(first) == PTE_FRAME(last) &&
		(PTE_FRAME(head) == PTE_FRAME(last)) == hvo_fake_heads();
}

int hvo_poison(uint64_t pfn)
{
	return hvo_write("/sys/kernel/debug/hwpoison/corrupt-pfn", pfn);
}

int hvo_unpoison(uint64_t pfn)
{
	return hvo_write("/sys/kernel/debug/hwpoison/unpoison-pfn", pfn);
}

long hvo_page_ext(void)
{
	unsigned long size = hvo_symbol("page_ext_size");

	return size ? hvo_kernel_word(size) : 0;
}

/* How many of the @nr pages from @pfn have the flag @bit of /proc/kpageflags */
static int count_flag(uint64_t pfn, int nr, int bit)
{
	int fd = open("/proc/kpageflags", O_RDONLY), i, found = 0;
	uint64_t flags[512];
	ssize_t len = nr * sizeof(flags[0]);

	if (nr > 512 || pread(fd, flags, len, pfn * sizeof(flags[0])) != len)
		found = -1;
	close(fd);
	for (i = 0; found >= 0 && i < nr; i++)
		found += flags[i] >> bit & 1;
	return found;
}

int hvo_poisoned(uint64_t pfn, int nr)
{
	return count_flag(pfn, nr, 19); /* KPF_HWPOISON */
}

bool hvo_is_huge(uint64_t pfn)
{
	return count_flag(pfn, 1, 17) == 1; /* KPF_HUGE */
}

static uint64_t pattern(uint64_t seed, size_t i)
{
	return (seed + i) * 0x9e3779b97f4a7c15UL;
}

void hvo_fill(void *addr, size_t size, uint64_t seed)
{
	uint64_t *words = addr;
	size_t i;

	for (i = 0; i < size / 8; i++)
		words[i] = pattern(seed, i);
}

bool hvo_filled(const void *addr, size_t size, uint64_t seed)
{
	const uint64_t *words = addr;
	size_t i;

	for (i = 0; i < size / 8; i++)
		if (words[i] != pattern(seed, i))
			return false;
	return true;
}

static int kmsg = -1;

void hvo_log_mark(void)
{
	if (kmsg >= 0)
		close(kmsg);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(kmsg, 0, SEEK_END);
}

int hvo_log_lines(int fd, const char *text)
{
	char record[8192];
	int lines = 0;
	ssize_t len;

	for (;;) {
		len = read(fd, record, sizeof(record) - 1);
		/* lines were overwritten before they were read */
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return lines;
		record[len] = 0;
		lines += strstr(record, text) != NULL;
	}
}

bool hvo_logged(const char *text)
{
	return hvo_log_lines(kmsg, text);
}
