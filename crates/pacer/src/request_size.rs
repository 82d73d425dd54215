//! How many pages a request asks for, so that a rate limit and all places in flight are used.

/// Returns how many pages each request should ask for where `streams` pages can be asked for at a time.
///
/// With `r` requests begun while one page is answered, requests of `b` pages bring `r * b` pages in that
/// time, but no more than `streams / b`, since what stands in one request comes at once and asks for more
/// only then. Both are as many where `b` is the square root of `streams / r`.
pub fn pages_per_request(streams: usize, requests_per_page: Option<f64>) -> usize {
    let balanced =
        requests_per_page.map_or(f64::INFINITY, |requests| (streams as f64 / requests).sqrt());
    balanced.ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_for_no_more_than_keeps_the_others_going() {
        // Twenty requests begin while a page is answered: of eight pages each they would soon all have
        // been asked for, and most of the twenty would have nothing to ask for.
        assert_eq!(pages_per_request(80, Some(20.0)), 2);
        assert_eq!(pages_per_request(2000, Some(20.0)), 10);
        // One begins: what it does not ask for waits.
        assert_eq!(pages_per_request(100, Some(1.0)), 10);
        assert_eq!(pages_per_request(100, Some(0.02)).clamp(1, 32), 32);
        assert_eq!(pages_per_request(0, Some(20.0)).clamp(1, 32), 1);
        assert_eq!(pages_per_request(1, None).clamp(1, 32), 32);
        assert_eq!(pages_per_request(0, Some(0.0)).clamp(1, 32), 1);
    }
}
