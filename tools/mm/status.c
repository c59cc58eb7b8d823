// SPDX-License-Identifier: GPL-2.0-only
/* Shows what the running kernel has saved, as text or JSON. */
#include <string.h>
#include "hvoadm.h"

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

static void show_json(const struct machine *m, const struct fact *fact)
{
	static const char * const ends[] = {
		[FLAG] = "", [KB] = "_kb", [PAGES] = "_", [COUNT] = "",
	};
	int i;

	printf("{\"kernel\": \"%s\", \"feature\": %s, \"stock_hvo\": %s", m->release,
	       truth(m->feature), truth(m->stock));
	if (m->feature)
		printf(", \"mode\": \"%s\"", m->mode);
	for (i = 0; m->feature && i < NR_FACTS; i++, fact++) {
		printf(", \"%s%s%s\": ", fact->name, ends[fact->unit], fact->size);
		if (fact->unit == FLAG)
			printf("%s", truth(fact->value));
		else
			printf("%" PRId64, fact->value);
	}
	printf("}\n");
}

static void show_fact(const struct fact *fact)
{
	char name[40], *c;

	snprintf(name, sizeof(name), "%s %s", fact->name, fact->size);
	while ((c = strchr(name, '_')))
		*c = ' ';
	if (fact->unit == KB)
		row(name, "%s", amount(fact->value));
	else if (fact->unit == FLAG)
		row(name, "%s", fact->value ? "yes" : "no");
	else if (fact->unit == COUNT && fact->value)	/* as none should */
		row(name, "%s%" PRId64 "%s", colour("\033[31m", 1), fact->value,
		    colour("\033[0m", 1));
	else
		row(name, "%" PRId64, fact->value);
}

static void show_text(const struct machine *m, const struct fact *fact)
{
	int i;

	row("kernel", "%s", m->release);
	row("mode", "%s", m->mode);
	for (i = 0; i < NR_FACTS; i++)
		show_fact(&fact[i]);
}

int cmd_status(const struct options *o)
{
	struct fact facts[NR_FACTS];
	struct machine m;

	if (!machine_read(&m))
		return fail("%s; " LOOK, m.trouble);
	facts_of(&m, facts);
	if (o->given['j'])
		show_json(&m, facts);
	else if (m.feature)
		show_text(&m, facts);
	if (m.feature)
		return 0;
	return fail("Linux %s is no kernel of hvo-base, and has %s; install and boot one",
		    m.release, !m.stock ? "no HVO of its own" :
		    m.optimizing ? "its own HVO on" : "its own HVO off");
}
