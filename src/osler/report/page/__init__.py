"""What the HTML report shows, as plain values: one module per page, drawn by `report/assets`."""
