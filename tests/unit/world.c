// SPDX-License-Identifier: GPL-2.0-only
/* The wired part of kernel.h: pages, page tables, TLBs and an allocator, with checks */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "kernel.h"
#include "world.h"
#include "layout.c"		/* that of the kernel version */

#define BUDDY_FIRST NR_VMEMMAP_PAGES
#define NR_REAL (2 * NR_VMEMMAP_PAGES)
#define NR_PAGES (NR_REAL + NR_TABLES)	/* with those of page tables */

enum state { NOWHERE, BOOT, FREE, TAKEN };

struct world world;
long unit_refusals[NR_SITES];

struct hstate hstates[HUGE_MAX_HSTATE] = {
	{ 9, "hugepages-2048kB" }, { GIGANTIC_ORDER, "hugepages-gigantic" },
};
pmd_t unit_pmds[NR_TABLES];
pte_t unit_tables[NR_TABLES][PTRS_PER_PTE];
struct mm_struct init_mm;
struct kobject *mm_kobj;
struct task_struct unit_task;
int unit_zero, unit_one = 1;
bool memory_failure_begun;

static int memory;
static enum state states[NR_PAGES];
static bool of_any_node[NR_PAGES];
static int pte_refs[NR_PAGES];
static int tlb_refs[NR_PAGES];
static long tlb[NR_VMEMMAP_PAGES];	/* pfn that the CPUs have cached, -1: none */
static unsigned long blocks_given, next_page = BUDDY_FIRST;
static bool barrier_seen, slab_up;
static bool tracked[NR_PAGES];		/* by kmemleak */
static struct delayed_work *pending;
static bool may_be_walked[NR_TABLES];	/* CPUs may have cached where the table is */

void unit_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s (%s %lu, step %d)\n", file, line, what,
		world.input ? "input" : "seed", world.seed, world.step);
	abort();
}

unsigned long unit_random(unsigned long below)
{
	world.rng ^= world.rng << 13;
	world.rng ^= world.rng >> 7;
	world.rng ^= world.rng << 17;
	return below ? world.rng % below : 0;
}

/* Like unit_random(), but takes the choice from the input if there is one. */
unsigned long unit_choose(unsigned long below)
{
	unsigned long choice = 0, size = below > 256 ? 2 : 1;

	if (!world.input)
		return unit_random(below);
	for (; size && world.input_left; size--, world.input_left--)
		choice = choice << 8 | *world.input++;
	return choice % below;
}

static void map_now(unsigned long vpage)
{
	pte_t pte = unit_tables[vpage / PTRS_PER_PTE][vpage % PTRS_PER_PTE];
	int prot = pte.v & 2 ? PROT_READ | PROT_WRITE : PROT_READ;
	unsigned long pfn = pte.v >> PAGE_SHIFT;
	void *addr = (void *)(VMEMMAP_START + vpage * PAGE_SIZE);

	ENSURE(mmap(addr, PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED, memory,
		    pfn * PAGE_SIZE) == addr);
	if (tlb[vpage] >= 0)
		tlb_refs[tlb[vpage]]--;
	tlb[vpage] = pfn;
	tlb_refs[pfn]++;
}

/* Nodes alternate every 8 pages of real memory, and every 8 MiB of the memory above. */
int page_to_nid(const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	return pfn / (pfn < NR_REAL ? 8 : 2048) % 2;
}

pmd_t *pmd_off_k(unsigned long addr)
{
	ENSURE(table_of(addr) < NR_TABLES && !pmd_none(unit_pmds[table_of(addr)]));
	return &unit_pmds[table_of(addr)];
}

pte_t *pte_offset_kernel(pmd_t *pmd, unsigned long addr)
{
	ENSURE(pmd->v == 1);	/* a table, not a leaf */
	return &unit_tables[pmd - unit_pmds][addr / PAGE_SIZE % PTRS_PER_PTE];
}

bool unit_is_tail(const struct page *page, const struct page *head)
{
	return page->compound_head == unit_compound_info(head) &&
		page->mapping == TAIL_MAPPING && !page->_refcount && !page->private &&
		page->_mapcount == -1 && page->flags == unit_tail_flags(head);
}

/* A page of tails must be complete before it is mapped. */
static void check_restored(unsigned long vpage, unsigned long pfn)
{
	const struct page *tails = page_to_virt(pfn_to_page(pfn));
	unsigned long addr = VMEMMAP_START + vpage * PAGE_SIZE, i;
	const struct page *head = unit_head_of(tails[5].compound_head, addr);

	ENSURE(barrier_seen);
	barrier_seen = false;
	ENSURE((unsigned long)head < addr);
	ENSURE(of_any_node[pfn] || page_to_nid(pfn_to_page(pfn)) == page_to_nid(head));
	for (i = 0; i < PAGE_SIZE / sizeof(struct page); i++)
		ENSURE(unit_is_tail(tails + i, head));
}

/* A page of tails gives way to the shared one. */
static void check_shared(unsigned long vpage, uint64_t pte)
{
	unsigned long addr = VMEMMAP_START + vpage * PAGE_SIZE;
	struct page *head = unit_head_of(((struct page *)addr)->compound_head, addr);

	ENSURE(folio_test_hugetlb_vmemmap_optimized((struct folio *)head));
	ENSURE(world.grace_periods - world.frozen_at >= UNIT_WAITS);
	ENSURE(unit_may_share(head, pte));
}

void set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *pte, pte_t value)
{
	unsigned long vpage = (addr - VMEMMAP_START) / PAGE_SIZE;
	unsigned long pfn = value.v >> PAGE_SHIFT;
	bool was_mapped = pte->v;

	ENSURE(mm == &init_mm);
	ENSURE(pte == &unit_tables[vpage / PTRS_PER_PTE][vpage % PTRS_PER_PTE]);
	ENSURE(pfn < NR_REAL && (states[pfn] == BOOT || states[pfn] == TAKEN));
	/* sealing waits only for changes made under the lock */
	ENSURE(!was_mapped || world.readers > 0);
	if (unit_is_shared(value.v))
		check_shared(vpage, value.v);
	else if (was_mapped)
		check_restored(vpage, pfn);
	if (was_mapped)
		pte_refs[pte->v >> PAGE_SHIFT]--;
	pte_refs[pfn]++;
	*pte = value;
	if (!was_mapped || unit_random(2))
		map_now(vpage);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	unsigned long vpage;

	ENSURE(start < end);
	world.flushes++;
	for (vpage = (start - VMEMMAP_START) / PAGE_SIZE;
	     vpage < (end - VMEMMAP_START) / PAGE_SIZE; vpage++)
		if (!unit_tlb_is_true(vpage))
			map_now(vpage);
}

bool unit_tlb_is_true(unsigned long vpage)
{
	pte_t pte = unit_tables[vpage / PTRS_PER_PTE][vpage % PTRS_PER_PTE];

	return tlb[vpage] == (pte.v ? (long)(pte.v >> PAGE_SHIFT) : -1);
}

void unit_barrier(void)
{
	barrier_seen = true;
}

void synchronize_rcu(void)
{
	world.grace_periods++;
}

void synchronize_rcu_expedited(void)
{
	world.grace_periods++;
	world.expedited++;
}

/* ---- collapsing ------------------------------------------------------------- */

bool valid_section_nr(unsigned long nr)
{
	return !pmd_none(unit_pmds[nr]);
}

/* Whether a PMD could map all of it, and its memory can be removed then */
bool world_is_one_block(unsigned long table)
{
	unsigned long first = unit_tables[table][0].v >> PAGE_SHIFT, i;

	if (first % PTRS_PER_PTE || unit_pmds[table].v != 1)
		return false;
	for (i = 0; i < PTRS_PER_PTE; i++)
		if (unit_tables[table][i].v != ((first + i) << PAGE_SHIFT | PAGE_KERNEL) ||
		    states[first + i] != BOOT)
			return false;
	return true;
}

bool world_is_collapsed(unsigned long table)
{
	return unit_pmds[table].v == 2 && states[TABLE_PFN + table] == FREE;
}

void set_pmd(pmd_t *pmd, pmd_t value)
{
	unsigned long table = pmd - unit_pmds;

	ENSURE(init_mm.locked && world.online_mems == 1 && !world.readers);
	ENSURE(world_is_one_block(table));
	ENSURE(value.v == (unit_tables[table][0].v | PAGE_KERNEL_LARGE));
	pmd->v = 2;
	may_be_walked[table] = true;
}

void flush_tlb_all(void)
{
	memset(may_be_walked, 0, sizeof(may_be_walked));
}

void get_online_mems(void)
{
	/* offlining takes both the other way round */
	ENSURE(!world.readers);
	world.online_mems++;
}

void put_online_mems(void)
{
	world.online_mems--;
}

void mmap_write_lock(struct mm_struct *mm)
{
	ENSURE(world.online_mems == 1 && !mm->locked);
	mm->locked = true;
}

void mmap_write_unlock(struct mm_struct *mm)
{
	ENSURE(mm->locked);
	mm->locked = false;
}

/* For the next history: the kernel never does that. */
void world_undo_collapsing(void)
{
	unsigned long table;

	for (table = 0; table < NR_TABLES; table++) {
		if (!world_is_collapsed(table))
			continue;
		unit_pmds[table].v = 1;
		states[TABLE_PFN + table] = BOOT;
		pfn_to_page(TABLE_PFN + table)->flags = PG_reserved_bit;
		pfn_to_page(TABLE_PFN + table)->_refcount = 1;
		world.managed--;
	}
}

/* ---- population ------------------------------------------------------------ */

bool slab_is_available(void)
{
	return slab_up;
}

static enum state fresh_state(void)
{
	return slab_up ? TAKEN : BOOT;
}

/* Counts down to the allocation that is to fail. */
static bool fails_now(int *count, enum unit_site site)
{
	if (!*count || --*count)
		return false;
	world.refused++;
	unit_refusals[site]++;
	return true;
}

static bool table_fails(enum unit_site site)
{
	return fails_now(&world.fail_table, site);
}

pgd_t *vmemmap_pgd_populate(unsigned long addr, int node)
{
	return table_fails(AT_PGD) ? NULL : (pgd_t *)&unit_pmds[table_of(addr)];
}

p4d_t *vmemmap_p4d_populate(pgd_t *pgd, unsigned long addr, int node)
{
	return table_fails(AT_P4D) ? NULL : (p4d_t *)pgd;
}

pud_t *vmemmap_pud_populate(p4d_t *p4d, unsigned long addr, int node)
{
	return table_fails(AT_PUD) ? NULL : (pud_t *)p4d;
}

pmd_t *vmemmap_pmd_populate(pud_t *pud, unsigned long addr, int node)
{
	if (table_fails(AT_PMD))
		return NULL;
	((pmd_t *)pud)->v = 1;
	states[TABLE_PFN + ((pmd_t *)pud - unit_pmds)] = fresh_state();
	return (pmd_t *)pud;
}

void *vmemmap_alloc_block_buf(unsigned long size, int node, void *altmap)
{
	unsigned long pfn = blocks_given, i;

	if (world.fail_blocks && size > PAGE_SIZE) {
		unit_refusals[AT_BLOCK]++;
		return NULL;
	}
	if (size == PAGE_SIZE && fails_now(&world.fail_page, AT_PAGE))
		return NULL;
	blocks_given += size / PAGE_SIZE;
	if (slab_up)
		world.taken += size / PAGE_SIZE;
	for (i = 0; i < size / PAGE_SIZE; i++)
		states[pfn + i] = fresh_state();
	for (i = 0; !slab_up && i < size / PAGE_SIZE; i++)
		tracked[pfn + i] = true;
	for (i = 0; slab_up && i < size / PAGE_SIZE; i++)
		pfn_to_page(pfn + i)->_refcount = !i;
	return page_to_virt(pfn_to_page(pfn));
}

void kmemleak_free_part_phys(phys_addr_t phys, size_t size)
{
	unsigned long pfn = PHYS_PFN(phys);

	if (!slab_up && pfn == TABLE_PFN)
		world.untracked_tables++;
	for (; pfn < PHYS_PFN(phys + size); pfn++)
		tracked[pfn] = false;
}

/* Gives each page a reference of its own. */
void split_page(struct page *page, int order)
{
	int i;

	ENSURE(slab_up && page->_refcount == 1);
	for (i = 1; i < 1 << order; i++) {
		ENSURE(states[page_to_pfn(page + i)] == TAKEN && !page[i]._refcount);
		page[i]._refcount = 1;
	}
}

int vmemmap_populate_basepages(unsigned long start, unsigned long end, int node, void *altmap)
{
	unsigned long addr;
	pte_t *pte;
	void *block;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		pte = pte_offset_kernel(pmd_off_k(addr), addr);
		if (pte->v)
			continue;
		block = vmemmap_alloc_block_buf(PAGE_SIZE, node, altmap);
		if (!block)
			return -ENOMEM;
		set_pte_at(&init_mm, addr, pte, pfn_pte(PHYS_PFN(__pa(block)), PAGE_KERNEL));
	}
	return 0;
}

void world_create(void)
{
	unsigned long i;

	memory = memfd_create("memory", 0);
	ENSURE(memory >= 0 && !ftruncate(memory, NR_PAGES * PAGE_SIZE));
	ENSURE(mmap((void *)DIRECT_START, NR_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, memory, 0) == (void *)DIRECT_START);
	for (i = 0; i < NR_VMEMMAP_PAGES; i++)
		tlb[i] = -1;
	for (i = BUDDY_FIRST; i < NR_REAL; i++)
		states[i] = FREE;
	world.rng = 88172645463325252UL;
}

void world_boot_is_over(void)
{
	unsigned long pfn;

	/* blocks are untracked at once; the single pages of table 4 when they are freed */
	for (pfn = 0; pfn < 4 * PTRS_PER_PTE; pfn++)
		ENSURE(!tracked[pfn]);
	for (pfn = 0; pfn < NR_PAGES; pfn++) {
		if (states[pfn] == BOOT) {
			pfn_to_page(pfn)->flags = PG_reserved_bit;
			pfn_to_page(pfn)->_refcount = 1;
		}
	}
	slab_up = true;
}

/* Maps the vmemmap of a section by a PMD, like that of memory with an altmap. */
void world_map_leaf(unsigned long table)
{
	void *addr = (void *)(VMEMMAP_START + table * PMD_SIZE);

	unit_pmds[table].v = 2;
	ENSURE(mmap(addr, PMD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_FIXED_NOREPLACE, -1, 0) == addr);
}

/* Removes the vmemmap of unplugged memory, which must be what was plugged last. */
void world_unplug(unsigned long table)
{
	unsigned long vpage, i;
	pte_t *pte;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		pte = &unit_tables[table][i];
		vpage = table * PTRS_PER_PTE + i;
		if (!pte->v)
			continue;
		pte_refs[pte->v >> PAGE_SHIFT]--;
		tlb_refs[tlb[vpage]]--;
		states[pte->v >> PAGE_SHIFT] = NOWHERE;
		tlb[vpage] = -1;
		pte->v = 0;
		blocks_given--;
		world.taken--;
	}
	unit_pmds[table].v = 0;
	ENSURE(!munmap((void *)(VMEMMAP_START + table * PMD_SIZE), PMD_SIZE));
}

/* ---- save and rewind --------------------------------------------------------- */

static struct {
	struct world world;
	struct page pages[NR_PAGES];
	pte_t tables[NR_TABLES][PTRS_PER_PTE];
	enum state states[NR_PAGES];
	int pte_refs[NR_PAGES], tlb_refs[NR_PAGES];
	unsigned long blocks_given, next_page;
} saved;

void world_save(void)
{
	saved.world = world;
	memcpy(saved.pages, pfn_to_page(0), sizeof(saved.pages));
	memcpy(saved.tables, unit_tables, sizeof(saved.tables));
	memcpy(saved.states, states, sizeof(saved.states));
	memcpy(saved.pte_refs, pte_refs, sizeof(saved.pte_refs));
	memcpy(saved.tlb_refs, tlb_refs, sizeof(saved.tlb_refs));
	saved.blocks_given = blocks_given;
	saved.next_page = next_page;
}

static void rewind_mapping(unsigned long vpage)
{
	pte_t *pte = &unit_tables[0][0] + vpage;
	pte_t then = saved.tables[vpage / PTRS_PER_PTE][vpage % PTRS_PER_PTE];

	if (pte->v == then.v && unit_tlb_is_true(vpage))
		return;
	*pte = then;
	map_now(vpage);
}

/* The caller resets the static variables of the code under test. */
void world_rewind(void)
{
	unsigned long vpage;

	for (vpage = 0; vpage < NR_VMEMMAP_PAGES; vpage++)
		rewind_mapping(vpage);
	world = saved.world;
	memcpy(pfn_to_page(0), saved.pages, sizeof(saved.pages));
	memcpy(states, saved.states, sizeof(saved.states));
	memcpy(pte_refs, saved.pte_refs, sizeof(saved.pte_refs));
	memcpy(tlb_refs, saved.tlb_refs, sizeof(saved.tlb_refs));
	blocks_given = saved.blocks_given;
	next_page = saved.next_page;
	barrier_seen = false;
	pending = NULL;
}

static unsigned long digest_of(unsigned long digest, const void *data, size_t size)
{
	const uint8_t *byte;

	for (byte = data; size; byte++, size--)
		digest = (digest ^ *byte) * 0x100000001b3UL;
	return digest;
}

/* Two histories with the same course have the same digest. */
unsigned long world_digest(void)
{
	unsigned long digest = digest_of(world.rng, unit_tables, sizeof(unit_tables));
	long counts[] = { world.grace_periods, world.flushes, world.taken, next_page };

	digest = digest_of(digest, states, sizeof(states));
	return digest_of(digest, counts, sizeof(counts));
}

/* ---- allocator ------------------------------------------------------------- */

static enum unit_site site_of(int node, gfp_t gfp)
{
	if (gfp & __GFP_MEMALLOC)
		return AT_LAST_RESORT;
	if (gfp & GFP_NOWAIT)
		return node == NUMA_NO_NODE ? AT_REFILL : AT_MORE;
	if (!(gfp & __GFP_RECLAIM))
		return AT_RUN;
	return gfp & __GFP_RETRY_MAYFAIL ? AT_BIG : AT_FIRST;
}

static bool all_free(unsigned long pfn, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (states[pfn + i] != FREE)
			return false;
	return true;
}

static bool is_on(unsigned long pfn, int node)
{
	return node == NUMA_NO_NODE || page_to_nid(pfn_to_page(pfn)) == node;
}

/* The next aligned run of free pages, or 0 */
static unsigned long find_free(unsigned long nr, int node)
{
	unsigned long tries;

	for (tries = 0; tries < NR_REAL - BUDDY_FIRST; tries++) {
		if (++next_page >= NR_REAL)
			next_page = BUDDY_FIRST;
		if (!(next_page % nr) && is_on(next_page, node) && all_free(next_page, nr))
			return next_page;
	}
	return 0;
}

static bool may_have(unsigned long nr, int node, gfp_t gfp)
{
	world.reclaims += !!(gfp & __GFP_RECLAIM);
	if (gfp & __GFP_MEMALLOC && world.emergency > 0) {
		world.emergency--;
		world.emergencies++;
		return true;
	}
	if (world.no_memory || (world.pages_left >= 0 && world.pages_left < (long)nr) ||
	    (nr > 1 && world.scattered && unit_random(world.scattered) == 0)) {
		unit_refusals[site_of(node, gfp)]++;
		return false;
	}
	if (world.pages_left > 0)
		world.pages_left -= nr;
	return true;
}

struct page *alloc_pages_node(int node, gfp_t gfp, int order)
{
	unsigned long nr = 1UL << order, pfn, i;

	/* must not invoke the OOM killer or warn */
	ENSURE(gfp & __GFP_NOWARN && (!(gfp & __GFP_RECLAIM) ||
	       gfp & (__GFP_NORETRY | __GFP_RETRY_MAYFAIL | GFP_NOWAIT)));
	/* blocks must not come from another node or from emergency memory */
	ENSURE(!order || site_of(node, gfp) == AT_REFILL ||
	       (!(gfp & __GFP_RECLAIM) && gfp & __GFP_NOMEMALLOC && gfp & __GFP_THISNODE));
	/* the workqueue starts another thread if a work item sleeps */
	ENSURE(!(current->flags & PF_WQ_WORKER) || gfp & __GFP_RETRY_MAYFAIL ||
	       !(gfp & __GFP_RECLAIM));
	if (!may_have(nr, node, gfp))
		return NULL;
	pfn = find_free(nr, node);
	if (!pfn && !(gfp & __GFP_THISNODE))
		pfn = find_free(nr, NUMA_NO_NODE);
	ENSURE(pfn || order);
	for (i = 0; pfn && i < nr; i++) {
		states[pfn + i] = TAKEN;
		of_any_node[pfn + i] = site_of(node, gfp) == AT_REFILL || !is_on(pfn + i, node);
		pfn_to_page(pfn + i)->_refcount = !i;
		memset(page_to_virt(pfn_to_page(pfn + i)), gfp & __GFP_ZERO ? 0 : 0xaa, PAGE_SIZE);
	}
	world.taken += pfn ? nr : 0;
	return pfn ? pfn_to_page(pfn) : NULL;
}

static void give_back(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	ENSURE(pfn < NR_PAGES && states[pfn] == TAKEN && !PageReserved(page));
	ENSURE(!page->_refcount && !page->private);
	ENSURE(!pte_refs[pfn] && !tlb_refs[pfn] && !tracked[pfn]);
	ENSURE(pfn < TABLE_PFN || !may_be_walked[pfn - TABLE_PFN]);
	states[pfn] = FREE;
	world.taken--;
	memset(page_to_virt(page), 0xdd, PAGE_SIZE);
}

void __free_pages(struct page *page, unsigned int order)
{
	unsigned long i;

	ENSURE(IS_ALIGNED(page_to_pfn(page), 1UL << order));
	ENSURE(page->_refcount > 0);
	if (--page->_refcount) {
		ENSURE(!order);
		return;
	}
	for (i = 0; i < 1UL << order; i++) {
		ENSURE(!order || (!PageHWPoison(page + i) && !world.tracked_alone));
		give_back(page + i);
	}
	world.freed_blocks += order > 0;
}

bool mem_alloc_profiling_enabled(void)
{
	return world.tracked_alone;
}

bool page_ref_freeze(struct page *page, int count)
{
	if (page->_refcount != count)
		return false;
	page->_refcount = 0;
	return true;
}

void page_ref_unfreeze(struct page *page, int count)
{
	ENSURE(!page->_refcount);
	page->_refcount = count;
}

void ClearPageReserved(struct page *page)
{
	ENSURE(PageReserved(page) && states[page_to_pfn(page)] == BOOT);
	page->flags &= ~PG_reserved_bit;
	states[page_to_pfn(page)] = TAKEN;
	world.taken++;
}

/* The pages must be in one zone; here every aligned block of the largest order is one. */
void adjust_managed_page_count(struct page *page, long count)
{
	unsigned long zone_pages = 1UL << PAGE_ALLOC_COSTLY_ORDER;
	unsigned long last = page_to_pfn(page) + count - 1;

	ENSURE(page_to_pfn(page) / zone_pages == last / zone_pages);
	world.managed += count;
}

/* The first zone of a node never has memory to spare. */
static struct zone zones[2];

struct zoneref *node_zonelist(int node, gfp_t gfp)
{
	static struct zoneref list[] = { { &zones[0] }, { &zones[1] }, { NULL } };

	(void)node;
	(void)gfp;
	return list;
}

bool zone_watermark_ok(struct zone *zone, unsigned int order, unsigned long mark,
		       int highest, unsigned int flags)
{
	unsigned long above = world.zone_free >= 0 ? world.zone_free : NR_REAL;

	ENSURE(!order && highest == ZONE_NORMAL && !flags);
	return zone != &zones[0] && high_wmark_pages(zone) + above > mark;
}

void drain_all_pages(void *zone)
{
	world.drains++;
	if (world.hidden >= 0) {
		world.pages_left = world.hidden;
		world.hidden = -1;
	}
}

void memmap_pages_add(long nr)
{
	world.memmap_pages += nr;
}

void memmap_boot_pages_add(long nr)
{
	world.memmap_boot_pages += nr;
}

/* ---- locks, work items, sysctls -------------------------------------------- */

void down_read(int *sem)
{
	ENSURE(*sem >= 0);
	++*sem;
	world.readers = *sem;
}

void up_read(int *sem)
{
	ENSURE(*sem > 0);
	--*sem;
	world.readers = *sem;
}

int down_write_killable(int *sem)
{
	if (world.killed)
		return -EINTR;
	ENSURE(*sem == 0);
	*sem = -1;
	world.readers = -1;
	return 0;
}

void up_write(int *sem)
{
	ENSURE(*sem == -1);
	*sem = 0;
	world.readers = 0;
}

void schedule_delayed_work(struct delayed_work *work, unsigned long delay)
{
	pending = work;
}

void cancel_delayed_work_sync(struct delayed_work *work)
{
	ENSURE(!pending || pending == work);
	pending = NULL;
}

bool world_run_work(void)
{
	struct delayed_work *work = pending;

	pending = NULL;
	if (work)
		work->fn(&work->work);
	return work;
}

void unit_printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(world.log, sizeof(world.log), fmt, args);
	va_end(args);
	world.log_lines++;
}

static struct ctl_table *sysctls;
static size_t nr_sysctls;

void unit_register_sysctls(struct ctl_table *table, size_t nr)
{
	sysctls = table;
	nr_sysctls = nr;
}

int proc_dointvec_minmax(const struct ctl_table *table, int write, void *buffer,
			 size_t *lenp, loff_t *ppos)
{
	int *value = buffer;

	if (!write) {
		*value = *(int *)table->data;
		return 0;
	}
	if (*value == INT_MIN)
		return 0;	/* stands for an empty write */
	if (*value < *(int *)table->extra1 || *value > *(int *)table->extra2)
		return -EINVAL;
	*(int *)table->data = *value;
	return 0;
}

static int sysctl(const char *name, int write, int *value)
{
	size_t i, len = sizeof(*value);
	loff_t pos = 0;

	for (i = 0; i < nr_sysctls; i++)
		if (!strcmp(sysctls[i].procname, name))
			return sysctls[i].proc_handler(&sysctls[i], write, value, &len, &pos);
	return -ENOENT;
}

int world_sysctl_write(const char *name, int value)
{
	return sysctl(name, 1, &value);
}

int world_sysctl_read(const char *name)
{
	int value = -1;

	ENSURE(!sysctl(name, 0, &value));
	return value;
}

static const struct attribute_group *sysfs;

int sysfs_create_group(struct kobject *kobj, const struct attribute_group *group)
{
	if (fails_now(&world.fail_object, AT_GROUP))
		return -ENOMEM;
	ENSURE(kobj == mm_kobj && !strcmp(group->name, "hugetlb_vmemmap"));
	sysfs = group;
	return 0;
}

const char *world_sysfs(const char *name)
{
	static char text[256];
	struct kobj_attribute *attr;
	struct attribute **entry;

	for (entry = sysfs->attrs; *entry; entry++) {
		attr = container_of(*entry, struct kobj_attribute, attr);
		if (strcmp((*entry)->name, name))
			continue;
		attr->show(mm_kobj, attr, text);
		text[strcspn(text, "\n")] = 0;
		return text;
	}
	return "no such file";
}
