// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an operator reads and writes of the HugeTLB vmemmap optimization: two
 * sysctls, and /sys/kernel/mm/hugetlb_vmemmap/, which is described in
 * Documentation/admin-guide/mm/hugetlb_vmemmap_base.rst.
 */
#define pr_fmt(fmt) "HugeTLB: " fmt

#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/sysctl.h>
#include <linux/sysfs.h>
#include <linux/vmemmap_base.h>
#include "hugetlb_vmemmap.h"

/* The flag is written by @set alone, which can refuse. */
static int flag_sysctl(const struct ctl_table *table, int write, void *buffer,
		       size_t *lenp, loff_t *ppos, const bool *flag,
		       int (*set)(bool enable))
{
	int value = READ_ONCE(*flag), ret;
	struct ctl_table copy = *table;

	copy.data = &value;
	ret = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	return ret || !write ? ret : set(value);
}

static int optimize_sysctl(const struct ctl_table *table, int write,
			   void *buffer, size_t *lenp, loff_t *ppos)
{
	return flag_sysctl(table, write, buffer, lenp, ppos, &hvo_state.optimize,
			   hugetlb_vmemmap_set_optimize);
}

/* The table refuses 0; an empty write leaves the value as it was. */
static int seal_sysctl(const struct ctl_table *table, int write, void *buffer,
		       size_t *lenp, loff_t *ppos)
{
	return flag_sysctl(table, write, buffer, lenp, ppos, &hvo_state.sealed,
			   hugetlb_vmemmap_seal);
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
	return sysfs_emit(buf, "%s\n", hvo_state.mode);
}

static struct kobj_attribute mode_attr = __ATTR_RO(mode);

#define HVO_ATTR(_name, _value)						\
static ssize_t _name##_show(struct kobject *kobj,			\
			    struct kobj_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%lu\n", (unsigned long)(_value));	\
}									\
static struct kobj_attribute _name##_attr = __ATTR_RO(_name)

#define PAGE_KB	(PAGE_SIZE / SZ_1K)

HVO_ATTR(sealed, READ_ONCE(hvo_state.sealed));
HVO_ATTR(collapsed_kb, vmemmap_collapsed() * (PMD_SIZE / SZ_1K));
HVO_ATTR(saved_kb, atomic_long_read(&hvo_state.saved_pages) * PAGE_KB);
HVO_ATTR(restore_failures, atomic_long_read(&hvo_state.restore_failures));
HVO_ATTR(reserve_kb, vmemmap_pages_reserve() * PAGE_KB);
HVO_ATTR(reserve_used, vmemmap_pages_reserve_used());

static struct attribute *hvo_attrs[] = {
	&mode_attr.attr,
	&sealed_attr.attr,
	&collapsed_kb_attr.attr,
	&saved_kb_attr.attr,
	&restore_failures_attr.attr,
	&reserve_kb_attr.attr,
	&reserve_used_attr.attr,
	NULL,
};

static const struct attribute_group hvo_group = {
	.name = "hugetlb_vmemmap",
	.attrs = hvo_attrs,
};

static int __init hugetlb_vmemmap_sysfs_init(void)
{
	register_sysctl_init("vm", hvo_sysctls);
	if (sysfs_create_group(mm_kobj, &hvo_group))
		pr_warn("no memory for /sys/kernel/mm/hugetlb_vmemmap\n");
	return 0;
}
late_initcall(hugetlb_vmemmap_sysfs_init);
