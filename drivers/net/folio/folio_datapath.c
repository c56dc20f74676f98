/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The folio authors
 */

#include "folio_datapath.h"

const struct folio_datapath *const folio_datapaths[FOLIO_DATAPATHS] = {
	[FOLIO_DATAPATH_NATIVE] = &folio_native,
	[FOLIO_DATAPATH_VIRTIO] = &folio_virtio,
	[FOLIO_DATAPATH_VF] = &folio_vf,
};
