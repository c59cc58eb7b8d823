// SPDX-License-Identifier: GPL-2.0-only
/* Says what this machine would save, whichever kernel runs. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hvoadm.h"

/* The pool of 2M:, 2048kB: and the like, and what follows the colon */
static struct pool *pool_of(struct machine *m, const char *text, const char **number)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long size = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	int i;

	if (!unit || !isdigit((unsigned char)*text) || size > m->pools[POOL_1G].size_kb)
		return NULL;
	end += toupper((unsigned char)end[1]) == 'B' ? 2 : 1;
	*number = end + 1;
	for (i = 0; *end == ':' && i < NR_POOLS; i++)
		if (size << (unit - units) * 10 == m->pools[i].size_kb)
			return &m->pools[i];
	return NULL;
}

/* A plan takes the place of all pools: a size that it does not name has no pages. */
static int take_plan(struct machine *m, const struct options *o)
{
	bool planned[NR_POOLS] = {};
	const char *number;
	int i;

	for (i = 0; o->plans && i < NR_POOLS; i++)
		m->pools[i].total = 0;
	for (i = 0; i < o->plans; i++) {
		struct pool *pool = pool_of(m, o->plan[i], &number);

		if (!pool || !parse_number(number, &pool->total))
			return fail("no plan: --pages %s; use 2M:NUMBER or 1G:NUMBER", o->plan[i]);
		if (planned[pool - m->pools])
			return fail("--pages has %s twice; give each size once", pool->name);
		planned[pool - m->pools] = true;
	}
	return 0;
}

static void show_words(const struct machine *m, const struct options *o)
{
	int i;

	printf("\nWords for the kernel's command line:\n  " WORD "on");
	for (i = 0; o->plans && i < NR_POOLS; i++)
		if (m->pools[i].total)
			printf(" hugepagesz=%s hugepages=%" PRIu64, m->pools[i].name,
			       m->pools[i].total);
	printf("\n\n");
}

static void show_verdict(const struct machine *m, int64_t net)
{
	const char *why = NULL;

	if (!pools_kb(m))
		why = "no memory is in the pool";
	else if (net <= 0)
		why = "page tables and reserve take what the pool saves";
	else if (pools_kb(m) * 10 < m->memory_kb)
		why = "less than a tenth of memory is in the pool, and other work misses the TLB";
	printf("%s%sworth it:%s ", colour("\033[1m", 1), why ? "not " : "", colour("\033[0m", 1));
	if (why)
		printf("%s\n", why);
	else
		printf("%s more to use, %.2f %% of memory\n", amount(net),
		       net * 100.0 / m->memory_kb);
}

static void show(const struct machine *m, const struct options *o)
{
	uint64_t tables = tables_of_kb(m->memory_kb), saves = pools_save_kb(m);
	int64_t net = (int64_t)saves - (int64_t)tables - RESERVE_KB;
	uint64_t pays = (tables + RESERVE_KB) / m->pools[POOL_2M].page_saves_kb + 1;
	int i;

	row("memory", "%s", amount(m->memory_kb));
	for (i = 0; i < NR_POOLS; i++)
		row("pool", "%" PRIu64 " pages of %s", m->pools[i].total, m->pools[i].name);
	row("share of memory", "%.1f %%", pools_kb(m) * 100.0 / m->memory_kb);
	row("saved", "%s", amount(saves));
	row("page tables", "%s", amount(tables));
	row("reserve", "%s", amount(RESERVE_KB));
	row("net saving", "%s", amount(net));
	row("pays from", "%" PRIu64 " pages of 2M on, %.1f %% of memory", pays,
	    pays * 204800.0 / m->memory_kb);
	printf("\nTLB: work that reads many struct pages at random misses more often, 0.2 to 2 %%\n"
	       "of kernel time in five workloads of twelve by simulation; under the seal at\n"
	       "most 0.03 %% outside of the pool.\n");
	show_words(m, o);
	show_verdict(m, net);
}

int cmd_estimate(const struct options *o)
{
	struct machine m;

	if (!machine_read_pools(&m))
		return fail("%s; " LOOK, m.trouble);
	if (take_plan(&m, o))
		return 2;
	if (pools_kb(&m) > m.memory_kb)
		return fail("this pool is larger than the memory of %s; plan fewer pages",
			    amount(m.memory_kb));
	show(&m, o);
	return 0;
}
