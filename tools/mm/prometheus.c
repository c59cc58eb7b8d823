// SPDX-License-Identifier: GPL-2.0-only
/* Metrics in the text format that node_exporter collects from files */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "hvoadm.h"

/* In bytes, as Prometheus wants its units, and exact up to 8 PiB */
static void put(FILE *out, const struct fact *fact)
{
	static const char * const ends[] = {
		[FLAG] = "", [KB] = "_bytes", [PAGES] = "_pages", [COUNT] = "_total",
	};
	const char *end = ends[fact->unit];

	/* once for both sizes of pages */
	if (fact->help)
		fprintf(out, "# HELP hvo_%s%s %s\n# TYPE hvo_%s%s %s\n", fact->name, end,
			fact->help, fact->name, end, fact->unit == COUNT ? "counter" : "gauge");
	fprintf(out, "hvo_%s%s", fact->name, end);
	if (*fact->size)
		fprintf(out, "{size=\"%s\"}", fact->size);
	fprintf(out, " %.0f\n", fact->value * (fact->unit == KB ? 1024.0 : 1.0));
}

static void put_all(FILE *out, const struct machine *m)
{
	const struct fact feature = { "feature", "", FLAG, m->feature, "If it is hvo-base's." };
	struct fact facts[NR_FACTS];
	int i;

	put(out, &feature);
	if (!m->feature)
		return;
	fprintf(out, "# HELP hvo_mode How the kernel was booted.\n# TYPE hvo_mode gauge\n");
	fprintf(out, "hvo_mode{mode=\"%s\"} 1\n", m->mode);
	facts_of(m, facts);
	for (i = 0; i < NR_FACTS; i++)
		put(out, &facts[i]);
}

int cmd_prometheus(const struct options *o)
{
	const char *path = o->given['t'];
	struct machine m;
	char *text = NULL;
	size_t size;
	FILE *out;
	int error;

	if (!machine_read(&m))
		return fail("%s; " LOOK, m.trouble);
	out = path ? open_memstream(&text, &size) : stdout;
	if (!out)
		abort();
	put_all(out, &m);
	if (!path)
		return 0;
	fclose(out);
	error = write_file(path, text);
	free(text);
	return error ? fail("%s cannot be written: %s; does its folder exist?", below_root(path),
			    strerror(error)) : 0;
}
