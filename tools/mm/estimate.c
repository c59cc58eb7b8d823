// SPDX-License-Identifier: GPL-2.0-only
/* Says what this machine would save, whichever kernel runs. */
#include <string.h>
#include <strings.h>
#include "hvoadm.h"

/* The pages that follow a size and a colon */
static uint64_t *pages_of(struct machine *m, const char *text, const char **number)
{
	static const char * const sizes[][NR_POOLS] = {
		{ "2M:", "1G:" }, { "2MB:", "1GB:" }, { "2048kB:", "1048576kB:" },
	};
	size_t i, pool;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (pool = 0; pool < NR_POOLS; pool++) {
			*number = text + strlen(sizes[i][pool]);
			if (!strncasecmp(text, sizes[i][pool], *number - text))
				return &m->pools[pool].total;
		}
	return NULL;
}

/* A plan takes the place of all pools: a size that it does not name has no pages. */
static int take_plan(struct machine *m, const struct options *o)
{
	uint64_t *pages, *former = NULL;
	const char *number;
	int i;

	for (i = 0; o->plans && i < NR_POOLS; i++)
		m->pools[i].total = 0;
	for (i = 0; i < o->plans; i++) {
		pages = i < NR_POOLS ? pages_of(m, o->plan[i], &number) : NULL;
		if (!pages || pages == former || !parse_number(number, pages))
			return fail("no plan: --pages %s; use 2M:NUMBER and 1G:NUMBER, each once",
				    i < NR_POOLS ? o->plan[i] : "thrice");
		former = pages;
	}
	sum_up(m);
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

	if (!m->pool_kb)
		why = "no memory is in the pool";
	else if (net <= 0)
		why = "page tables and reserve take what the pool saves";
	else if (m->pool_kb * 10 < m->memory_kb)
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
	uint64_t cost_kb = m->tables_kb + RESERVE_KB;
	uint64_t pays = cost_kb / m->pools[POOL_2M].page_saves_kb + 1;
	int64_t net = (int64_t)m->expected_kb - (int64_t)cost_kb;
	int i;

	row("memory", "%s", amount(m->memory_kb));
	for (i = 0; i < NR_POOLS; i++)
		row("pool", "%" PRIu64 " pages of %s", m->pools[i].total, m->pools[i].name);
	row("share of memory", "%.1f %%", m->pool_kb * 100.0 / m->memory_kb);
	row("saved", "%s", amount(m->expected_kb));
	row("page tables", "%s", amount(m->tables_kb));
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
	if (m.pool_kb > m.memory_kb)
		return fail("this pool is larger than the memory of %s; plan fewer pages",
			    amount(m.memory_kb));
	show(&m, o);
	return 0;
}
