//! mpcc driver.
