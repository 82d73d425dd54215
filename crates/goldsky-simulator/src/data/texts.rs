//! Many short texts in one allocation.

/// Texts by index. Sorted ones can be looked up.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Texts {
    pub(crate) fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len() as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start as usize..self.ends[index] as usize]
    }

    /// Returns the number of texts before the first that is not below `text`. The texts must be
    /// sorted bytewise.
    pub(crate) fn lower_bound(&self, text: &[u8]) -> u32 {
        let (mut low, mut high) = (0, self.len() as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle) < text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Finds a text among sorted ones.
    pub(crate) fn find(&self, text: &[u8]) -> Option<u32> {
        let index = self.lower_bound(text);
        ((index as usize) < self.len() && self.get(index) == text).then_some(index)
    }
}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut collected = Self::default();
        for text in texts {
            collected.push(text);
        }
        collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_texts_are_found_and_others_are_not() {
        let texts: Texts = ["", "10", "9", "95"].into_iter().collect();
        assert_eq!(texts.find(b"9"), Some(2));
        assert_eq!(texts.find(b""), Some(0));
        assert_eq!(texts.find(b"8"), None);
        assert_eq!(texts.find(b"96"), None);
        assert_eq!(texts.lower_bound(b"96"), 4);
        assert_eq!(texts.get(3), b"95");
    }
}
