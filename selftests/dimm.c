// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "dimm.h"
#include "hvo.h"

#define MEMORY "/sys/devices/system/memory/"
/* longer than the 120 s timeout of vm/monitor, so that its error message arrives */
#define PATIENCE_MS 150000

unsigned long blocks[MAX_BLOCKS];
int nr_blocks;

unsigned long block_pages(void)
{
	static unsigned long pages;
	char word[32];

	if (!pages && !hvo_read_word(MEMORY "block_size_bytes", word, sizeof(word)))
		pages = strtoul(word, NULL, 16) / PAGE;
	return pages;
}

int block_write(unsigned long block, const char *state)
{
	char path[128];

	snprintf(path, sizeof(path), MEMORY "memory%lu/state", block);
	return hvo_write_str(path, state);
}

bool block_is(unsigned long block, const char *file, const char *content)
{
	char path[128], word[64];

	snprintf(path, sizeof(path), MEMORY "memory%lu/%s", block, file);
	return !hvo_read_word(path, word, sizeof(word)) && !strcmp(word, content);
}

static int ascending(const void *a, const void *b)
{
	const unsigned long *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Like find_blocks(), but only blocks from @first on */
static void find_from(unsigned long first, const char *file, const char *content)
{
	DIR *dir = opendir(MEMORY);
	struct dirent *entry;
	unsigned long nr;

	nr_blocks = 0;
	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "memory%lu", &nr) == 1 && nr >= first &&
		    nr_blocks < MAX_BLOCKS && (!file || block_is(nr, file, content)))
			blocks[nr_blocks++] = nr;
	if (dir)
		closedir(dir);
	qsort(blocks, nr_blocks, sizeof(blocks[0]), ascending);
}

void find_blocks(const char *file, const char *content)
{
	find_from(0, file, content);
}

void find_added_blocks(void)
{
	find_from((4UL << 30) / PAGE / block_pages(), NULL, NULL);
}

int count_blocks(const char *state)
{
	int i, count = 0;
	char path[128];

	for (i = 0; i < nr_blocks; i++) {
		snprintf(path, sizeof(path), MEMORY "memory%lu", blocks[i]);
		count += state ? block_is(blocks[i], "state", state) : !access(path, F_OK);
	}
	return count;
}

bool is_hot(uint64_t pfn)
{
	int i;

	for (i = 0; i < nr_blocks; i++)
		if (pfn / block_pages() == blocks[i])
			return true;
	return false;
}

bool mapped_by_ptes(unsigned long block)
{
	unsigned long addr = hvo_vmemmap_base() + block * block_pages() * STRUCT_PAGE;

	return hvo_vmemmap_pte(addr) &&
		hvo_vmemmap_pte(addr + block_pages() * STRUCT_PAGE - PAGE);
}

bool hosts_itself(void)
{
	char word[8];

	return !hvo_read_word("/sys/module/memory_hotplug/parameters/memmap_on_memory",
			      word, sizeof(word)) && word[0] == 'Y';
}

/* The second serial port, which also carries the output of this test */
static int line_to_host(void)
{
	int line = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	struct termios settings;

	if (line >= 0 && !tcgetattr(line, &settings)) {
		cfmakeraw(&settings);
		tcsetattr(line, TCSANOW, &settings);
	}
	return line;
}

static bool read_line(int line, char *text, size_t size)
{
	struct pollfd ready = { .fd = line, .events = POLLIN };
	size_t len = 0;

	while (len < size - 1) {
		if (poll(&ready, 1, PATIENCE_MS) != 1 || read(line, text + len, 1) != 1)
			return false;
		if (text[len] == '\n')
			break;
		len++;
	}
	text[len] = 0;
	return true;
}

const char *ask_host(const char *request)
{
	static char text[512];
	static int line = -1;

	if (line < 0)
		line = line_to_host();
	if (dprintf(line, "host: %s\n", request) < 0)
		return "the second serial port cannot be written to";
	do {
		if (!read_line(line, text, sizeof(text)))
			return "no answer; was the guest booted with vm/boot -x?";
	} while (strncmp(text, "answer: ", 8));
	hvo_memory_changed();
	return text + 8;
}
