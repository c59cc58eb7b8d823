// SPDX-License-Identifier: GPL-2.0-only
/* The part of the layout of Linux 6.12 that the rest of the kernel links to. */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/page-flags.h>
#include <linux/vmemmap_base.h>

DEFINE_STATIC_KEY_FALSE(hugetlb_optimize_vmemmap_key);
EXPORT_SYMBOL(hugetlb_optimize_vmemmap_key);

/*
 * Lets the rest of the kernel expect fake heads, before the first of them can exist.
 * Switching the key takes the CPU hotplug lock, which must not nest in what
 * optimizing holds.
 */
static int __init vmemmap_layout_init(void)
{
	if (vmemmap_base_enabled)
		static_branch_enable(&hugetlb_optimize_vmemmap_key);
	return 0;
}
early_initcall(vmemmap_layout_init);
