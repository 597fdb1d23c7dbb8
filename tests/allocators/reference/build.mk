# The same tests linked with each reference allocator, and for each the tests of what only it does.

REFERENCE_TEST := $(BUILD)/obj/tests/allocators/reference
REFERENCE_TESTS := $(foreach a,bump lifo,$(BUILD)/tests/reference/$(a)_family $(BUILD)/tests/reference/$(a)_own)
C_TESTS += $(REFERENCE_TESTS)

$(BUILD)/tests/reference/%_family: $(REFERENCE_TEST)/test_family.o $(BUILD)/lib%.so
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< $(call link_with,$(BUILD)/lib$*.so) -lcmocka -ldl
$(BUILD)/tests/reference/%_own: $(REFERENCE_TEST)/test_%.o $(BUILD)/lib%.so
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< $(call link_with,$(BUILD)/lib$*.so) -lcmocka
