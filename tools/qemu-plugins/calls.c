// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU plugin that counts calls and instructions of each kernel function, by window.
 * The first window lasts from boot to the first closing mark, each later one from an
 * opening to a closing mark. It prints for each window:
 *   {"instructions": N, "functions": {NAME: [CALLS, INSTRUCTIONS], ...}}
 * Functions are looked up by their addresses in System.map, so KASLR must be off.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mark.h"

struct function {
	uint64_t start;
	uint64_t calls, instructions;
	char name[64];
};

static struct function *functions;
static size_t nr_functions;
static bool is_open = true;	/* booting is the first window */
static unsigned int nr_windows;
static FILE *out;

/* A translation block of a function, counted when it is executed */
struct piece {
	struct function *function;
	uint64_t instructions;
	bool entry;
};

static struct function *function_at(uint64_t addr)
{
	size_t low = 0, high = nr_functions, middle;

	while (high - low > 1) {
		middle = (low + high) / 2;
		if (functions[middle].start <= addr)
			low = middle;
		else
			high = middle;
	}
	return functions[low].start <= addr ? &functions[low] : NULL;
}

static void on_piece(unsigned int vcpu, void *data)
{
	struct piece *piece = data;

	(void)vcpu;
	if (!is_open)
		return;
	piece->function->calls += piece->entry;
	piece->function->instructions += piece->instructions;
}

static void open_window(void)
{
	size_t i;

	for (i = 0; i < nr_functions; i++) {
		functions[i].calls = 0;
		functions[i].instructions = 0;
	}
	is_open = true;
}

static void close_window(void)
{
	const char *comma = "";
	uint64_t sum = 0;
	size_t i;

	is_open = false;
	for (i = 0; i < nr_functions; i++)
		sum += functions[i].instructions;
	fprintf(out, "%s\n{\"instructions\": %" PRIu64 ", \"functions\": {",
		nr_windows++ ? "," : "", sum);
	for (i = 0; i < nr_functions; i++) {
		if (!functions[i].instructions)
			continue;
		fprintf(out, "%s\"%s\": [%" PRIu64 ", %" PRIu64 "]", comma, functions[i].name,
			functions[i].calls, functions[i].instructions);
		comma = ", ";
	}
	fprintf(out, "}}");
}

static void on_mark(unsigned int vcpu, void *data)
{
	uint32_t mark = (uintptr_t)data;

	(void)vcpu;
	if (mark == WINDOW_OPENS)
		open_window();
	else if (mark == WINDOW_CLOSES && is_open)
		close_window();
}

/* Never freed: QEMU may execute a translation as long as it runs. */
static void watch_piece(struct qemu_plugin_tb *tb, uint64_t addr)
{
	struct piece *piece = malloc(sizeof(*piece));

	if (!piece)
		return;
	piece->function = function_at(addr);
	piece->instructions = qemu_plugin_tb_n_insns(tb);
	piece->entry = piece->function && piece->function->start == addr;
	if (piece->function)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_piece, QEMU_PLUGIN_CB_NO_REGS,
						     piece);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t addr = qemu_plugin_tb_vaddr(tb);

	(void)id;
	if (addr >> 63)
		watch_piece(tb, addr);
	else
		watch_marks(tb, on_mark);
}

/* Reads the text symbols of System.map, which is sorted; one name for each address. */
static bool read_map(const char *path)
{
	FILE *map = fopen(path, "r");
	struct function next = { 0 };
	char type;

	if (!map)
		return false;
	while (fscanf(map, "%" SCNx64 " %c %63s%*[^\n]", &next.start, &type, next.name) == 3) {
		if (!strchr("tTwW", type) ||
		    (nr_functions && functions[nr_functions - 1].start == next.start))
			continue;
		if (!(nr_functions & (nr_functions + 1)))
			functions = realloc(functions, 2 * (nr_functions + 1) * sizeof(next));
		if (!functions)
			return false;
		functions[nr_functions++] = next;
	}
	fclose(map);
	return nr_functions;
}

VISIBLE int qemu_plugin_version = PLUGIN_VERSION;

VISIBLE int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else if (strncmp(argv[i], "map=", 4) || !read_map(argv[i] + 4))
			return -1;
	}
	if (!out || !functions) {
		fprintf(stderr, "calls: out=FILE and map=SYSTEM.MAP are required\n");
		return -1;
	}
	fprintf(out, "[");
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, end_windows, out);
	return 0;
}
