// SPDX-License-Identifier: GPL-2.0-only
/* The part of the layout of Linux 6.12 that the rest of the kernel links to. */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/page-flags.h>

#include "vmemmap_layout.h"

DEFINE_STATIC_KEY_FALSE(hugetlb_optimize_vmemmap_key);
EXPORT_SYMBOL(hugetlb_optimize_vmemmap_key);

/**
 * vmemmap_layout_init - let the rest of the kernel expect fake heads
 *
 * Once, before the first of them can exist: switching the key takes the CPU
 * hotplug lock, which must not nest in what optimizing holds.
 *
 * Context: Boot, one CPU up.
 */
void __init vmemmap_layout_init(void)
{
	static_branch_enable(&hugetlb_optimize_vmemmap_key);
}
