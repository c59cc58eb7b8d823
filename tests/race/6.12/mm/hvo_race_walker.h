/* SPDX-License-Identifier: GPL-2.0-only */
/* Included by hvo_race.c alone: what a walker does on Linux 6.12 before it writes */

/* The two checks of page_ref_add_unless(), with a delay in between */
bool hvo_race_may_write(struct page *page, int unless)
{
	bool in_use, fake;

	if (skip & SKIP_ORDER) {
		fake = page_is_fake_head(page);
		between();
		in_use = page_ref_count(page) != unless;
	} else {
		in_use = atomic_read_acquire(&page->_refcount) != unless;
		between();
		fake = page_is_fake_head(page);
	}
	return in_use && !fake;
}
