/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the vmemmap of an optimized compound page looks like on Linux 6.12.
 *
 * 6.12 maps the tails to the compound page's own first vmemmap page. Seen
 * through a tail mapping, the head struct page at its start is a "fake head".
 * page_is_fake_head() recognizes it while hugetlb_optimize_vmemmap_key is enabled.
 *
 * Included by the files of the optimization alone.
 */
#ifndef _MM_VMEMMAP_LAYOUT_H
#define _MM_VMEMMAP_LAYOUT_H

#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/rcupdate.h>

/**
 * vmemmap_layout_tail - what the tail vmemmap is mapped to
 * @head: head struct page of the compound page, at its vmemmap address
 * @first: the page that @head lies in
 *
 * Return: the PTE in place of that of every tail vmemmap page. Read-only, as a write
 *	through it would be one to the head.
 */
static inline pte_t vmemmap_layout_tail(const struct page *head,
					struct page *first)
{
	return mk_pte(first, PAGE_KERNEL_RO);
}

/**
 * vmemmap_layout_wait_walkers - wait for speculative page references
 * @expedite: use an expedited grace period, which interrupts every CPU
 *
 * In one RCU read section, page_ref_add_unless() checks that a refcount is in
 * use, then that the struct page is no fake head, and then writes to it. A section
 * that saw the refcount before the folio was frozen ends before this returns. A
 * later one sees zero until the folio is handed on. By then each tail is a fake
 * head for it, or a tail with a refcount of zero.
 *
 * Context: Process context, may sleep.
 */
static inline void vmemmap_layout_wait_walkers(bool expedite)
{
	if (expedite)
		synchronize_rcu_expedited();
	else
		synchronize_rcu();
}

#endif /* _MM_VMEMMAP_LAYOUT_H */
