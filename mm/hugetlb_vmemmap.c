// SPDX-License-Identifier: GPL-2.0-only
/*
 * HugeTLB vmemmap optimization on a base-mapped vmemmap
 *
 * Decides which HugeTLB folios are optimized, and when; mm/vmemmap_base.c changes
 * the vmemmap. Folios are optimized as they enter the pool and restored as they
 * leave it, always while their refcount is zero.
 *
 * A pool that shrinks needs vmemmap pages before it yields any memory. Where memory
 * is short, restoring stops after the first folio, and mm/hugetlb.c frees that one
 * first. A reserve restores the first folio when nothing is free. Where even that
 * fails, the folio stays in the pool, as a surplus page.
 *
 * Once sealed, the vmemmap is not changed any more in either direction.
 */
#define pr_fmt(fmt) "HugeTLB: " fmt

#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/vmemmap_base.h>
#include "hugetlb_vmemmap.h"
#include "internal.h"
#include "vmemmap_layout.h"

struct hvo_state hvo_state = { .mode = "off" };
static bool seal_early __initdata;

/*
 * Readers change the vmemmap; a writer switches optimizing, or seals. So when the
 * write to the seal returns, the last change is over.
 */
static DECLARE_RWSEM(rules_lock);

/* Growing by so many folios takes less time than an ordinary grace period. */
#define EXPEDITE_MAX	8

/* Early, because the vmemmap is populated before other parameters are read. */
static int __init parse_parameter(char *arg)
{
	bool boot = arg && !strcmp(arg, "boot"), on = boot;

	if (!boot && kstrtobool(arg, &on))
		pr_warn("hugetlb_free_vmemmap=%s is unknown (use off, on or boot), using off\n",
			arg ?: "");
	if (on && !is_power_of_2(sizeof(struct page))) {
		pr_warn("hugetlb_free_vmemmap=%s: struct page has %zu bytes, not a power of two, using off\n",
			arg, sizeof(struct page));
		on = false;
	}
	seal_early = on && boot;
	hvo_state.mode = seal_early ? "boot" : on ? "on" : "off";
	hvo_state.optimize = on;
	vmemmap_base_enabled = on;
	return 0;
}
early_param("hugetlb_free_vmemmap", parse_parameter);

/* What optimizing a folio saves, in pages */
static long saved_pages(const struct hstate *h)
{
	return hugetlb_vmemmap_optimizable_size(h) >> PAGE_SHIFT;
}

static int restore_one(const struct hstate *h, struct folio *folio,
		       struct vmemmap_batch *batch)
{
	unsigned long start = (unsigned long)&folio->page;
	int ret;

	if (hvo_state.sealed)
		return -EPERM;
	ret = vmemmap_base_restore(start, start + hugetlb_vmemmap_size(h), batch);
	if (ret == -ENOMEM)
		atomic_long_inc(&hvo_state.restore_failures);
	if (ret)
		return ret;
	folio_clear_hugetlb_vmemmap_optimized(folio);
	atomic_long_sub(saved_pages(h), &hvo_state.saved_pages);
	return 0;
}

/**
 * hugetlb_vmemmap_restore_folio - give a folio its vmemmap pages back
 * @h: hstate of @folio
 * @folio: a HugeTLB folio that is leaving the pool, refcount zero
 *
 * Context: Process context, may sleep.
 * Return: 0 if @folio is not optimized (any more), -ENOMEM if there are no
 *	pages for its vmemmap, -EPERM if the vmemmap is sealed.
 */
int hugetlb_vmemmap_restore_folio(const struct hstate *h, struct folio *folio)
{
	struct vmemmap_batch batch = VMEMMAP_BATCH_INIT(batch);
	int ret;

	if (!folio_test_hugetlb_vmemmap_optimized(folio))
		return 0;

	down_read(&rules_lock);
	ret = restore_one(h, folio, &batch);
	vmemmap_base_flush(&batch);
	up_read(&rules_lock);
	return ret;
}

/**
 * hugetlb_vmemmap_restore_folios - give many folios their vmemmap pages back
 * @h: hstate of all folios on the list
 * @folio_list: HugeTLB folios that are leaving the pool, refcounts zero
 * @non_hvo_folios: where folios go that are not optimized (any more)
 *
 * Stops at the first folio that cannot be restored. It and all behind it stay
 * on @folio_list. With -EAGAIN, memory is short and @non_hvo_folios has restored
 * folios: free them and call again.
 *
 * Context: Process context, may sleep.
 * Return: number of folios that were restored, or -EAGAIN as above, -ENOMEM if
 *	there are no pages for a vmemmap, -EPERM if the vmemmap is sealed.
 */
long hugetlb_vmemmap_restore_folios(const struct hstate *h,
				    struct list_head *folio_list,
				    struct list_head *non_hvo_folios)
{
	struct vmemmap_batch batch = VMEMMAP_BATCH_INIT(batch);
	struct folio *folio, *next;
	long restored = 0, ret = 0;

	down_read(&rules_lock);
	list_for_each_entry_safe(folio, next, folio_list, lru) {
		if (folio_test_hugetlb_vmemmap_optimized(folio)) {
			ret = restore_one(h, folio, &batch);
			if (ret)
				break;
			restored++;
		}
		list_move_tail(&folio->lru, non_hvo_folios);
		cond_resched();
	}
	vmemmap_base_flush(&batch);
	up_read(&rules_lock);
	return ret ?: restored;
}

/*
 * The page allocator can hand out a block with a page in it that has failed. Its
 * mark would be lost with a tail vmemmap page or, from the first one, be found in
 * every restored one. Memory failure handling sets a mark in an RCU section in
 * which the page is not HugeTLB yet, so the grace period makes all marks visible.
 */
static bool has_hwpoison(const struct hstate *h, struct folio *folio)
{
	unsigned long i;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE) ||
	    !READ_ONCE(memory_failure_begun))
		return false;
	for (i = 0; i < pages_per_huge_page(h); i++)
		if (PageHWPoison(folio_page(folio, i)))
			return true;
	return false;
}

/* Set the flag first: memory_failure() must not write to a tail meanwhile. */
static void optimize_one(const struct hstate *h, struct folio *folio,
			 struct vmemmap_batch *batch)
{
	unsigned long start = (unsigned long)&folio->page;

	if (folio_test_hugetlb_vmemmap_optimized(folio) ||
	    has_hwpoison(h, folio))
		return;
	folio_set_hugetlb_vmemmap_optimized(folio);
	if (vmemmap_base_optimize(start, start + hugetlb_vmemmap_size(h), batch))
		folio_clear_hugetlb_vmemmap_optimized(folio);
	else
		atomic_long_add(saved_pages(h), &hvo_state.saved_pages);
}

static void optimize_list(const struct hstate *h, struct list_head *folios,
			  bool expedite)
{
	struct vmemmap_batch batch = VMEMMAP_BATCH_INIT(batch);
	struct folio *folio;

	down_read(&rules_lock);
	if (hvo_state.optimize && hugetlb_vmemmap_optimizable(h)) {
		vmemmap_layout_wait_walkers(expedite);
		list_for_each_entry(folio, folios, lru) {
			optimize_one(h, folio, &batch);
			cond_resched();
		}
		vmemmap_base_flush(&batch);
	}
	up_read(&rules_lock);
}

/**
 * hugetlb_vmemmap_optimize_folio - free most of the vmemmap of a folio
 * @h: hstate of @folio
 * @folio: a HugeTLB folio that is entering the pool, on no list, refcount zero
 *
 * Does nothing if the mode, the sysctl or the seal forbid it, if the vmemmap of
 * @folio is not base-mapped or if it holds a hwpoison mark;
 * folio_test_hugetlb_vmemmap_optimized() tells.
 *
 * Any task can cause this, by a fault or by migration, so that the grace period is
 * never expedited.
 *
 * Context: Process context, may sleep (for an RCU grace period).
 */
void hugetlb_vmemmap_optimize_folio(const struct hstate *h, struct folio *folio)
{
	LIST_HEAD(folios);

	list_add(&folio->lru, &folios);
	optimize_list(h, &folios, false);
	list_del_init(&folio->lru);
}

/**
 * hugetlb_vmemmap_optimize_surplus_folios - the same for many folios
 * @h: hstate of all folios on the list
 * @folio_list: surplus folios for one reservation, refcounts zero
 *
 * As hugetlb_vmemmap_optimize_folio(), with one grace period and one TLB flush for
 * all of them.
 *
 * Context: Process context, may sleep (for an RCU grace period).
 */
void hugetlb_vmemmap_optimize_surplus_folios(struct hstate *h,
					     struct list_head *folio_list)
{
	if (!list_empty(folio_list))
		optimize_list(h, folio_list, false);
}

/**
 * hugetlb_vmemmap_optimize_folios - the same for what root adds to the pool
 * @h: hstate of all folios on the list
 * @folio_list: HugeTLB folios that are entering the pool, refcounts zero; their
 *	tail struct pages need not be initialized where they will be freed
 *
 * As hugetlb_vmemmap_optimize_surplus_folios(). For a few folios the wait would be
 * nearly all of the time, so that it is expedited.
 *
 * Context: Process context, may sleep (for an RCU grace period).
 */
void hugetlb_vmemmap_optimize_folios(struct hstate *h,
				     struct list_head *folio_list)
{
	if (!list_empty(folio_list))
		optimize_list(h, folio_list,
			      list_count_nodes(folio_list) <= EXPEDITE_MAX);
}

/**
 * hugetlb_vmemmap_sealed - whether a folio can never leave the pool again
 * @folio: a HugeTLB folio
 *
 * It goes back to the pool when it is freed. Replacing it by a new folio would
 * only make the pool grow.
 *
 * Context: Any. The seal may be set right after the answer.
 */
bool hugetlb_vmemmap_sealed(struct folio *folio)
{
	return READ_ONCE(hvo_state.sealed) && folio_test_hugetlb_vmemmap_optimized(folio);
}

/**
 * hugetlb_vmemmap_set_optimize - whether folios are optimized from now on
 * @enable: true to optimize them as they enter the pool
 *
 * Context: Process context, waits for the change of the vmemmap that is under way.
 * Return: 0; -EOPNOTSUPP if the vmemmap is not base-mapped, -EPERM if it is sealed,
 *	both only for true; -EINTR after a fatal signal.
 */
int hugetlb_vmemmap_set_optimize(bool enable)
{
	int ret = 0;

	if (down_write_killable(&rules_lock))
		return -EINTR;
	if (enable && hvo_state.sealed)
		ret = -EPERM;
	else if (enable && !vmemmap_base_enabled)
		ret = -EOPNOTSUPP;
	else
		WRITE_ONCE(hvo_state.optimize, enable);
	up_write(&rules_lock);
	return ret;
}

/**
 * hugetlb_vmemmap_seal - change the vmemmap no more
 * @enable: false does nothing
 *
 * What needs no page tables any more loses them, see vmemmap_collapse().
 *
 * Context: Process context, waits for the change of the vmemmap that is under way.
 * Return: 0, or -EINTR after a fatal signal.
 */
int hugetlb_vmemmap_seal(bool enable)
{
	if (!enable)
		return 0;
	if (down_write_killable(&rules_lock))
		return -EINTR;
	WRITE_ONCE(hvo_state.sealed, true);
	WRITE_ONCE(hvo_state.optimize, false);
	up_write(&rules_lock);

	/* Without the lock, which offlining takes inside mem_hotplug_lock */
	if (vmemmap_base_enabled) {
		vmemmap_pages_drop_reserve();
		vmemmap_collapse();
	}
	return 0;
}

/*
 * Late, because the boot-time pools must be filled before the mode "boot"
 * seals them, and before init, as promised.
 */
static int __init hugetlb_vmemmap_init(void)
{
	BUILD_BUG_ON(__NR_USED_SUBPAGE > HUGETLB_VMEMMAP_RESERVE_PAGES);

	if (vmemmap_base_enabled)
		pr_info("vmemmap mapped by base pages, mode %s\n", hvo_state.mode);
	if (hugetlb_vmemmap_seal(seal_early))
		pr_err("the vmemmap could not be sealed\n");
	if (hvo_state.optimize)
		vmemmap_pages_keep_reserve();
	return 0;
}
late_initcall(hugetlb_vmemmap_init);
