// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include "facts.h"

void facts_of(const struct machine *m, struct fact facts[NR_FACTS])
{
	const struct fact all[NR_FACTS] = {
		{ "optimizing", FLAG, m->optimizing,
		  "Whether pages are optimized as they enter the pool." },
		{ "sealed", FLAG, m->sealed, "Whether the vmemmap is sealed." },
		{ "collapsed", KB, m->collapsed_kb, "What the seal mapped by 2 MiB again." },
		{ "saved", KB, m->saved_kb, "What the optimized pages save." },
		{ "expected", KB, pools_save_kb(m), "What they save if all of the pool are." },
		{ "page_tables", KB, tables_kb(m), "What the page tables of the vmemmap take." },
		{ "reserve", KB, m->reserve_kb, "Memory reserved for restoring." },
		{ "net", KB, net_kb(m), "What is saved beyond page tables and reserve." },
		{ "reserve_used", COUNT, m->reserve_used, "How often restoring took the reserve." },
		{ "restore_failures", COUNT, m->restore_failures,
		  "How often restoring found no memory." },
	};

	memcpy(facts, all, sizeof(all));
}
