// SPDX-License-Identifier: GPL-2.0-only
/* Reads sysfs and procfs, and calculates what follows. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hvoadm.h"

#define POOL		"/sys/kernel/mm/hugepages/hugepages-"
#define VMEMMAP		"/sys/kernel/mm/hugetlb_vmemmap"
#define OPTIMIZE_SYSCTL	"/proc/sys/vm/hugetlb_optimize_vmemmap"
#define MEMINFO		"/proc/meminfo"

/* The 4 PiB of x86-64, in KiB. What is calculated of such numbers fits 64 bits. */
#define HIGHEST		(1ull << 42)

static bool trouble(struct machine *m, const char *path, const char *what)
{
	snprintf(m->trouble, sizeof(m->trouble), "%s: %s", below_root(path), what);
	return false;
}

static bool parse_digits(const char *text, char **end, uint64_t *value)
{
	if (!isdigit((unsigned char)*text))
		return false;
	*value = strtoull(text, end, 10);
	return *value <= HIGHEST;
}

/* Digits and the end of a line */
bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	return parse_digits(text, &end, value) && !end[*end == '\n'];
}

static bool read_number(struct machine *m, const char *folder, const char *name,
			uint64_t highest, uint64_t *value)
{
	char path[128], *text;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	text = read_text(path);
	if (!text)
		return trouble(m, path, strerror(errno));
	return (parse_number(text, value) && *value <= highest) ||
		trouble(m, path, "no number that can be true");
}

/* A word that needs no quotes wherever it is printed */
static bool read_word(struct machine *m, const char *path, char *word, size_t size)
{
	char *text = read_text(path);
	size_t length = 0;

	if (!text)
		return trouble(m, path, strerror(errno));
	while (isalnum((unsigned char)text[length]) || strchr(".+-_~", text[length] ?: ' '))
		length++;
	if (!length || length >= size || text[length + (text[length] == '\n')])
		return trouble(m, path, "not one word");
	snprintf(word, size, "%.*s", (int)length, text);
	return true;
}

static bool read_memory(struct machine *m)
{
	static const char name[] = "MemTotal:";
	char *text = read_text(MEMINFO), *line, *end;

	if (!text)
		return trouble(m, MEMINFO, strerror(errno));
	line = strstr(text, name);
	line = line ? line + strlen(name) : text;
	return (parse_digits(line + strspn(line, " "), &end, &m->memory_kb) &&
		!strncmp(end, " kB\n", 4) && m->memory_kb) ||
		trouble(m, MEMINFO, "MemTotal is missing or cannot be true");
}

/* Without pages of this size there is no folder for them. */
static bool read_pool(struct machine *m, struct pool *pool)
{
	return !exists(pool->folder) ||
		(read_number(m, pool->folder, "nr_hugepages", HIGHEST, &pool->total) &&
		 read_number(m, pool->folder, "free_hugepages", HIGHEST, &pool->free) &&
		 read_number(m, pool->folder, "surplus_hugepages", HIGHEST, &pool->surplus));
}

/* One page table for each 128 MiB of memory or a part of them, but for what was collapsed */
void sum_up(struct machine *m)
{
	uint64_t freed_kb = m->collapsed_kb / 2048 * 4;
	int i;

	m->pool_kb = 0;
	m->expected_kb = 0;
	for (i = 0; i < NR_POOLS; i++) {
		m->pool_kb += m->pools[i].total * m->pools[i].size_kb;
		m->expected_kb += m->pools[i].total * m->pools[i].page_saves_kb;
	}
	m->tables_kb = (m->memory_kb + 128 * 1024 - 1) / (128 * 1024) * 4;
	m->tables_kb -= freed_kb < m->tables_kb ? freed_kb : m->tables_kb;
	if (m->feature && !m->is_on)
		m->tables_kb = 0;
}

bool machine_read_pools(struct machine *m)
{
	*m = (struct machine) { .pools = {
		[POOL_2M] = { "2M", POOL "2048kB", .size_kb = 2048, .page_saves_kb = 28 },
		[POOL_1G] = { "1G", POOL "1048576kB", .size_kb = 1048576, .page_saves_kb = 16380 },
	} };
	if (!read_memory(m) || !read_pool(m, &m->pools[POOL_2M]) ||
	    !read_pool(m, &m->pools[POOL_1G]))
		return false;
	sum_up(m);
	return true;
}

static bool read_optimizing(struct machine *m)
{
	return read_number(m, "/proc/sys/vm", "hugetlb_optimize_vmemmap", 1, &m->optimizing);
}

static bool read_feature(struct machine *m)
{
	if (!read_word(m, VMEMMAP "/mode", m->mode, sizeof(m->mode)))
		return false;
	if (strcmp(m->mode, "off") && strcmp(m->mode, "on") && strcmp(m->mode, "boot"))
		return trouble(m, VMEMMAP "/mode", "not off, on or boot");
	m->is_on = strcmp(m->mode, "off");
	return read_optimizing(m) && read_number(m, VMEMMAP, "sealed", 1, &m->sealed) &&
		read_number(m, VMEMMAP, "collapsed_kb", HIGHEST, &m->collapsed_kb) &&
		read_number(m, VMEMMAP, "saved_kb", HIGHEST, &m->saved_kb) &&
		read_number(m, VMEMMAP, "reserve_kb", HIGHEST, &m->reserve_kb) &&
		read_number(m, VMEMMAP, "reserve_used", HIGHEST, &m->reserve_used) &&
		read_number(m, VMEMMAP, "restore_failures", HIGHEST, &m->restore_failures);
}

bool machine_read(struct machine *m)
{
	if (!machine_read_pools(m) ||
	    !read_word(m, "/proc/sys/kernel/osrelease", m->release, sizeof(m->release)))
		return false;
	m->feature = exists(VMEMMAP);
	m->stock = !m->feature && exists(OPTIMIZE_SYSCTL);
	if (m->feature ? !read_feature(m) : m->stock && !read_optimizing(m))
		return false;
	sum_up(m);
	return true;
}
