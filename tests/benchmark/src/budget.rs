//! What the source's limit allows.

use std::time::Duration;

/// The window that the source counts requests in.
const WINDOW: Duration = Duration::from_secs(10);

/// Most fills in a page.
pub(crate) const FILLS_PER_PAGE: u64 = 1000;

/// Lets the window pass in which an earlier run has used the budget up.
pub(crate) async fn renewed(requests_per_10s: Option<u32>) {
    if requests_per_10s.is_some() {
        tokio::time::sleep(WINDOW).await;
    }
}

/// Returns the fills that a limit grants in a second if each request brings so many full pages.
pub(crate) fn granted_fills_per_second(requests_per_10s: u32, pages_per_request: f64) -> f64 {
    f64::from(requests_per_10s) / WINDOW.as_secs_f64() * pages_per_request * FILLS_PER_PAGE as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_requests_of_two_pages_grant_ten_thousand_fills_a_second() {
        assert_eq!(granted_fills_per_second(50, 2.0), 10_000.0);
    }
}
