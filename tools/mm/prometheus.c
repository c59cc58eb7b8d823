// SPDX-License-Identifier: GPL-2.0-only
/* Metrics in the text format that node_exporter collects from files */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "facts.h"
#include "file.h"
#include "hvoadm.h"

static void head(FILE *out, const char *name, const char *suffix, const char *help)
{
	fprintf(out, "# HELP hvo_%s%s %s\n# TYPE hvo_%s%s %s\n", name, suffix, help, name, suffix,
		strcmp(suffix, "_total") ? "gauge" : "counter");
}

/* In bytes, as Prometheus wants its units, and exact up to 8 PiB */
static void put_fact(FILE *out, const struct fact *fact)
{
	const char *suffix = fact->unit == KB ? "_bytes" : fact->unit == COUNT ? "_total" : "";

	head(out, fact->name, suffix, fact->help);
	fprintf(out, "hvo_%s%s %.0f\n", fact->name, suffix,
		fact->value * (fact->unit == KB ? 1024.0 : 1.0));
}

static void put_pools(FILE *out, const struct machine *m)
{
	static const char * const names[] = {
		"pool_pages", "pool_free_pages", "pool_surplus_pages",
	};
	static const char * const help[] = {
		"Pages in the pool.", "Pages in the pool that are free.",
		"Pages beyond the size of the pool.",
	};
	int i, pool;

	for (i = 0; i < 3; i++) {
		head(out, names[i], "", help[i]);
		for (pool = 0; pool < NR_POOLS; pool++) {
			const struct pool *p = &m->pools[pool];
			const uint64_t counts[] = { p->total, p->free, p->surplus };

			fprintf(out, "hvo_%s{size=\"%s\"} %" PRIu64 "\n", names[i], p->name,
				counts[i]);
		}
	}
}

static void put_all(FILE *out, const struct machine *m)
{
	struct fact feature = { "feature", FLAG, m->feature, "Whether hvo-base's kernel runs." };
	struct fact facts[NR_FACTS];
	int i;

	put_fact(out, &feature);
	put_pools(out, m);
	if (!m->feature)
		return;
	head(out, "mode", "", "The mode that the kernel was booted in.");
	fprintf(out, "hvo_mode{mode=\"%s\"} 1\n", m->mode);
	facts_of(m, facts);
	for (i = 0; i < NR_FACTS; i++)
		put_fact(out, &facts[i]);
}

int cmd_prometheus(const struct options *o)
{
	const char *path = o->given['t'];
	struct machine m;
	char *text = NULL;
	bool written;
	size_t size;
	FILE *out;

	if (!machine_read(&m))
		return fail("%s; " LOOK, m.trouble);
	out = path ? open_memstream(&text, &size) : stdout;
	if (!out)
		return fail("there is no memory; try again");
	put_all(out, &m);
	if (!path)
		return 0;
	written = !fclose(out) && write_file(path, text);
	free(text);
	if (written)
		return 0;
	return fail("%s cannot be written: %s; does its folder exist?", below_root(path),
		    strerror(errno));
}
