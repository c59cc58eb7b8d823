// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include "hvoadm.h"

void facts_of(const struct machine *m, struct fact facts[NR_FACTS])
{
	const struct pool *small = &m->pools[POOL_2M], *large = &m->pools[POOL_1G];
	const int64_t net = (int64_t)m->saved_kb - (int64_t)m->tables_kb - (int64_t)m->reserve_kb;
	const struct fact all[NR_FACTS] = {
		{ "pool", "2M", PAGES, small->total, "In the pool." },
		{ "pool", "1G", PAGES, large->total, NULL },
		{ "pool_free", "2M", PAGES, small->free, "In the pool, and free." },
		{ "pool_free", "1G", PAGES, large->free, NULL },
		{ "pool_surplus", "2M", PAGES, small->surplus, "Beyond the size of the pool." },
		{ "pool_surplus", "1G", PAGES, large->surplus, NULL },
		{ "optimizing", "", FLAG, m->optimizing, "If pages that enter are optimized." },
		{ "sealed", "", FLAG, m->sealed, "If the vmemmap is sealed." },
		{ "collapsed", "", KB, m->collapsed_kb, "Mapped by 2 MiB again by the seal." },
		{ "saved", "", KB, m->saved_kb, "What the optimized pages save." },
		{ "expected", "", KB, m->expected_kb, "What they save if all pages are." },
		{ "page_tables", "", KB, m->tables_kb, "What the vmemmap's page tables take." },
		{ "reserve", "", KB, m->reserve_kb, "What is reserved for restoring." },
		{ "net", "", KB, net, "What is saved beyond page tables and reserve." },
		{ "reserve_used", "", COUNT, m->reserve_used, "Restoring took the reserve." },
		{ "restore_failures", "", COUNT, m->restore_failures, "Restoring had no memory." },
	};

	memcpy(facts, all, sizeof(all));
}
