.PHONY: check
check:
	./check
