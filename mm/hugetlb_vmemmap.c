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
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/sysctl.h>
#include <linux/sysfs.h>
#include <linux/vmemmap_base.h>
#include "hugetlb_vmemmap.h"
#include "internal.h"

enum hvo_mode { HVO_OFF, HVO_ON, HVO_BOOT };

static const char * const mode_names[] = {
	[HVO_OFF] = "off", [HVO_ON] = "on", [HVO_BOOT] = "boot",
};

static enum hvo_mode mode __ro_after_init;
static bool optimize_enabled;
static bool sealed;

/*
 * Readers change the vmemmap; a writer switches optimizing, or seals. So when the
 * write to the seal returns, the last change is over.
 */
static DECLARE_RWSEM(rules_lock);

/* Growing by so many folios takes less time than an ordinary grace period. */
#define EXPEDITE_MAX	8

static atomic_long_t nr_optimized[HUGE_MAX_HSTATE];
static atomic_long_t restore_failures;

static int __init parse_mode(const char *arg, enum hvo_mode *parsed)
{
	bool on;

	if (arg && !strcmp(arg, "boot")) {
		*parsed = HVO_BOOT;
		return 0;
	}
	if (kstrtobool(arg, &on))
		return -EINVAL;
	*parsed = on ? HVO_ON : HVO_OFF;
	return 0;
}

static void __init set_mode(enum hvo_mode new_mode)
{
	mode = new_mode;
	optimize_enabled = mode != HVO_OFF;
	vmemmap_base_enable(mode != HVO_OFF);
}

/* Early, because the vmemmap is populated before other parameters are read. */
static int __init parse_parameter(char *arg)
{
	enum hvo_mode wanted = HVO_OFF;

	if (parse_mode(arg, &wanted))
		pr_warn("hugetlb_free_vmemmap=%s is unknown (use off, on or boot), using off\n",
			arg ?: "");
	if (!is_power_of_2(sizeof(struct page)) && wanted != HVO_OFF) {
		pr_warn("hugetlb_free_vmemmap=%s: struct page has %zu bytes, not a power of two, using off\n",
			arg, sizeof(struct page));
		wanted = HVO_OFF;
	}
	set_mode(wanted);
	return 0;
}
early_param("hugetlb_free_vmemmap", parse_parameter);

static atomic_long_t *optimized_count(const struct hstate *h)
{
	return &nr_optimized[hstate_index((struct hstate *)h)];
}

static int restore_one(const struct hstate *h, struct folio *folio,
		       struct vmemmap_batch *batch)
{
	unsigned long start = (unsigned long)&folio->page;
	int ret;

	if (sealed)
		return -EPERM;
	ret = vmemmap_base_restore(start, start + hugetlb_vmemmap_size(h), batch);
	if (ret == -ENOMEM)
		atomic_long_inc(&restore_failures);
	if (ret)
		return ret;
	folio_clear_hugetlb_vmemmap_optimized(folio);
	atomic_long_dec(optimized_count(h));
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
		atomic_long_inc(optimized_count(h));
}

static void optimize_list(const struct hstate *h, struct list_head *folios,
			  bool expedite)
{
	struct vmemmap_batch batch = VMEMMAP_BATCH_INIT(batch);
	struct folio *folio;

	down_read(&rules_lock);
	if (optimize_enabled && hugetlb_vmemmap_optimizable(h)) {
		vmemmap_base_wait_walkers(expedite);
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
	return READ_ONCE(sealed) && folio_test_hugetlb_vmemmap_optimized(folio);
}

static int set_optimize(bool enable)
{
	int ret = 0;

	if (enable && mode == HVO_OFF)
		return -EOPNOTSUPP;
	if (down_write_killable(&rules_lock))
		return -EINTR;
	if (enable && sealed)
		ret = -EPERM;
	else
		WRITE_ONCE(optimize_enabled, enable);
	up_write(&rules_lock);
	return ret;
}

static int seal(void)
{
	if (down_write_killable(&rules_lock))
		return -EINTR;
	WRITE_ONCE(sealed, true);
	WRITE_ONCE(optimize_enabled, false);
	up_write(&rules_lock);
	return 0;
}

static int dointvec_copy(const struct ctl_table *table, int write, void *buffer,
			 size_t *lenp, loff_t *ppos, int *value)
{
	struct ctl_table copy = *table;

	copy.data = value;
	return proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
}

static int optimize_sysctl(const struct ctl_table *table, int write,
			   void *buffer, size_t *lenp, loff_t *ppos)
{
	int enable = READ_ONCE(optimize_enabled);
	int ret = dointvec_copy(table, write, buffer, lenp, ppos, &enable);

	return ret || !write ? ret : set_optimize(enable);
}

static int seal_sysctl(const struct ctl_table *table, int write, void *buffer,
		       size_t *lenp, loff_t *ppos)
{
	int value = READ_ONCE(sealed);
	int ret = dointvec_copy(table, write, buffer, lenp, ppos, &value);

	/* The table refuses 0; an empty write leaves the value as it was. */
	return ret || !write || !value ? ret : seal();
}

static struct ctl_table hvo_sysctls[] = {
	{
		.procname	= "hugetlb_optimize_vmemmap",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= optimize_sysctl,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
	{
		.procname	= "hugetlb_vmemmap_seal",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= seal_sysctl,
		.extra1		= SYSCTL_ONE,
		.extra2		= SYSCTL_ONE,
	},
};

static ssize_t mode_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", mode_names[mode]);
}

static struct kobj_attribute mode_attr = __ATTR_RO(mode);

#define HVO_ATTR_MODE(_name, _mode, _value)				\
static ssize_t _name##_show(struct kobject *kobj,			\
			    struct kobj_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%lu\n", (unsigned long)(_value));	\
}									\
static struct kobj_attribute _name##_attr = __ATTR_RO_MODE(_name, _mode)

#define HVO_ATTR(_name, _value)	HVO_ATTR_MODE(_name, 0444, _value)

HVO_ATTR(sealed, READ_ONCE(sealed));
/* For root alone, because it walks the vmemmap and keeps memory hotplug waiting. */
HVO_ATTR_MODE(page_table_kb, 0400,
	      vmemmap_base_table_pages() * (PAGE_SIZE / SZ_1K));
HVO_ATTR(restore_failures, atomic_long_read(&restore_failures));
HVO_ATTR(reserve_kb, vmemmap_base_reserve_pages() * (PAGE_SIZE / SZ_1K));
HVO_ATTR(reserve_used, vmemmap_base_reserve_used());

static struct attribute *hvo_attrs[] = {
	&mode_attr.attr,
	&sealed_attr.attr,
	&page_table_kb_attr.attr,
	&restore_failures_attr.attr,
	&reserve_kb_attr.attr,
	&reserve_used_attr.attr,
	NULL,
};

static const struct attribute_group hvo_group = {
	.attrs = hvo_attrs,
};

static struct kobject *size_kobjs[HUGE_MAX_HSTATE];

static const struct hstate *kobj_to_hstate(const struct kobject *kobj)
{
	const struct hstate *h = hstates;

	while (size_kobjs[hstate_index((struct hstate *)h)] != kobj)
		h++;
	return h;
}

static unsigned long optimized_pages(const struct kobject *kobj)
{
	return atomic_long_read(optimized_count(kobj_to_hstate(kobj)));
}

static unsigned long saved_kb(const struct kobject *kobj)
{
	const struct hstate *h = kobj_to_hstate(kobj);

	return optimized_pages(kobj) *
		(hugetlb_vmemmap_optimizable_size(h) / SZ_1K);
}

HVO_ATTR(optimized_pages, optimized_pages(kobj));
HVO_ATTR(saved_kb, saved_kb(kobj));

static struct attribute *size_attrs[] = {
	&optimized_pages_attr.attr,
	&saved_kb_attr.attr,
	NULL,
};

static const struct attribute_group size_group = {
	.attrs = size_attrs,
};

static int __init create_size_dir(const struct hstate *h,
				  struct kobject *parent)
{
	struct kobject *kobj = kobject_create_and_add(h->name, parent);

	if (!kobj)
		return -ENOMEM;
	size_kobjs[hstate_index((struct hstate *)h)] = kobj;
	return sysfs_create_group(kobj, &size_group);
}

static int __init create_sysfs(void)
{
	struct kobject *kobj = kobject_create_and_add("hugetlb_vmemmap", mm_kobj);
	const struct hstate *h;
	int ret;

	if (!kobj)
		return -ENOMEM;
	ret = sysfs_create_group(kobj, &hvo_group);
	for_each_hstate(h)
		ret = ret ?: create_size_dir(h, kobj);
	return ret;
}

/*
 * What restoring one page of the smallest size takes; a gigantic page would
 * need megabytes kept back, for machines that seldom return one.
 */
static void __init set_reserve(void)
{
	const struct hstate *h = size_to_hstate(PMD_SIZE);

	if (h)
		vmemmap_base_set_reserve(hugetlb_vmemmap_optimizable_size(h) >>
					 PAGE_SHIFT);
}

/*
 * Late, because the boot-time pools must be filled before the mode "boot"
 * seals them, and before init, as promised.
 */
static int __init hugetlb_vmemmap_init(void)
{
	BUILD_BUG_ON(__NR_USED_SUBPAGE > HUGETLB_VMEMMAP_RESERVE_PAGES);

	if (mode == HVO_BOOT && seal())
		pr_err("the vmemmap could not be sealed\n");
	if (mode == HVO_ON)
		set_reserve();
	if (mode != HVO_OFF)
		pr_info("vmemmap mapped by base pages, mode %s\n",
			mode_names[mode]);

	register_sysctl_init("vm", hvo_sysctls);
	if (create_sysfs())
		pr_warn("no memory for /sys/kernel/mm/hugetlb_vmemmap\n");
	return 0;
}
late_initcall(hugetlb_vmemmap_init);
