// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that is built outside of the kernel, as drivers of vendors are. It uses
 * struct pages by what the headers say of them.
 */
#include <linux/mm.h>
#include <linux/module.h>

static int __init hvo_probe_init(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 3);
	int i, wrong = 0;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < 8; i++)
		wrong += compound_head(page + i) != page;
	__free_pages(page, 3);
	pr_info("hvo_probe: %d wrong heads\n", wrong);
	return wrong ? -EIO : 0;
}

static void __exit hvo_probe_exit(void)
{
}

module_init(hvo_probe_init);
module_exit(hvo_probe_exit);
MODULE_DESCRIPTION("A module built against the headers of this kernel");
MODULE_LICENSE("GPL");
