/** The one account that owns every bucket and object here. */
export const owner = { ID: "sluice", DisplayName: "sluice" }
