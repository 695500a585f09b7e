// Panels of 16 rows, counted in words.
const uint kPanelRows = 16;
