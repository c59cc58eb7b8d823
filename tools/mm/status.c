// SPDX-License-Identifier: GPL-2.0-only
/* Shows what the running kernel has saved, as text or JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "facts.h"
#include "hvoadm.h"

static void show_json_fact(const struct fact *fact)
{
	printf(", \"%s%s\": ", fact->name, fact->unit == KB ? "_kb" : "");
	if (fact->unit == FLAG)
		printf("%s", fact->value ? "true" : "false");
	else
		printf("%" PRId64, fact->value);
}

static void show_json(const struct machine *m)
{
	struct fact facts[NR_FACTS];
	int i;

	facts_of(m, facts);
	printf("{\"kernel\": \"%s\", \"feature\": %s, \"stock_hvo\": %s", m->release,
	       m->feature ? "true" : "false", m->stock ? "true" : "false");
	if (m->feature)
		printf(", \"mode\": \"%s\"", m->mode);
	for (i = 0; m->feature && i < NR_FACTS; i++)
		show_json_fact(&facts[i]);
	printf(", \"pools\": [");
	for (i = 0; i < NR_POOLS; i++)
		printf("%s{\"size_kb\": %" PRIu64 ", \"total\": %" PRIu64 ", \"free\": %" PRIu64
		       ", \"surplus\": %" PRIu64 "}", i ? ", " : "", m->pools[i].size_kb,
		       m->pools[i].total, m->pools[i].free, m->pools[i].surplus);
	printf("]}\n");
}

static void show_fact(const struct fact *fact)
{
	char name[32] = "", *c;

	strncat(name, fact->name, sizeof(name) - 1);
	for (c = name; *c; c++)
		if (*c == '_')
			*c = ' ';
	if (fact->unit == KB)
		row(name, "%s", amount(fact->value));
	else if (fact->unit == FLAG)
		row(name, "%s", fact->value ? "yes" : "no");
	else	/* no counter should */
		row(name, "%s%" PRId64 "%s", fact->value ? colour("\033[31m", 1) : "",
		    fact->value, colour("\033[0m", 1));
}

static void show_text(const struct machine *m)
{
	struct fact facts[NR_FACTS];
	int i;

	facts_of(m, facts);
	row("kernel", "%s", m->release);
	row("mode", "%s", m->mode);
	for (i = 0; i < NR_POOLS; i++)
		row("pool", "%" PRIu64 " pages of %s, %" PRIu64 " free, %" PRIu64 " surplus",
		    m->pools[i].total, m->pools[i].name, m->pools[i].free, m->pools[i].surplus);
	for (i = 0; i < NR_FACTS; i++)
		show_fact(&facts[i]);
}

int cmd_status(const struct options *o)
{
	struct machine m;

	if (!machine_read(&m))
		return fail("%s; " LOOK, m.trouble);
	if (o->given['j'])
		show_json(&m);
	else if (m.feature)
		show_text(&m);
	if (m.feature)
		return 0;
	return fail("Linux %s is no kernel of hvo-base, and has %s; install and boot one",
		    m.release, !m.stock ? "no HVO of its own" :
		    m.optimizing ? "its own HVO on" : "its own HVO off");
}
